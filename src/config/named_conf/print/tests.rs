use crate::config::files::{Files, NoFiles};
use crate::config::named_conf::grammar::{self, PLACES, Support};
use crate::config::named_conf::tests::rows::within;
use crate::config::named_conf::{Document, Secrets, parse};

/// What is printed, after seeing that it says the same and prints the same.
fn printed(text: &str, files: &dyn Files) -> String {
    let document = Document::read(text, "x.conf", files);
    let config = &document.result.as_ref().unwrap_or_else(|found| panic!("{text}: {found:?}")).config;
    let printed = document.print(Secrets::Shown);
    let again = Document::read(&printed, "y.conf", &NoFiles);
    let same = &again.result.as_ref().unwrap_or_else(|found| panic!("{printed}: {found:?}")).config;
    assert!(config.without_positions() == same.without_positions(), "{text}\n{printed}");
    assert_eq!(again.print(Secrets::Shown), printed, "{text}");
    printed
}

#[test]
fn every_row_is_printed_as_it_reads() {
    let mut count = 0;
    for row in grammar::rows()
        .filter(|row| !matches!(row.support, Support::Refused(_) | Support::Part) && row.name != "include")
    {
        for &(place, _) in PLACES.iter().filter(|(place, _)| row.places & place != 0) {
            let text = within(place, row.name, row.example);
            if parse(&text, "x.conf", &NoFiles).is_ok() {
                printed(&text, &NoFiles);
                count += 1;
            }
        }
    }
    assert!(count > 200, "{count}");
}

#[test]
fn values_have_named_s_spelling() {
    let text = r#"options { version "a\"b\\"; max-cache-size 5m; max-cache-ttl 1w2d; max-ncache-ttl PT3H; recursion 1;
        listen-on { 10/8; !{ any; key k; }; }; listen-on-v6 port 0x35 { "none"; }; forwarders port 053 { fe80::1%2; 10.1.0.2 port 54; };
        rrset-order { type A name "x" order cyclic; order random; }; dnssec-validation auto; cookie-secret 00112233445566778899aabbccddeeff; };
        logging { channel c { severity debug 3; file "l" versions 3 size 1M; }; category "default" { c; }; channel s { syslog; }; };
        key k { secret c2VjcmV0; algorithm hmac-sha256; }; acl a { any; };
        zone z IN { file "z"; update-policy { grant k name a.z A; deny * wildcard *.z ANY; }; type primary; };"#;
    let expected = r#"acl "a" {
	"any";
};
logging {
	channel "c" {
		file "l" versions 3 size 1048576;
		severity debug 3;
	};
	channel "s" {
		syslog ;
	};
	category "default" {
		"c";
	};
};
options {
	cookie-secret "00112233445566778899aabbccddeeff";
	listen-on  {
		10.0.0.0/8;
		!{
			"any";
			key "k";
		};
	};
	listen-on-v6 port 53 {
		"none";
	};
	version "a\"b\\";
	dnssec-validation auto;
	max-cache-size 5242880;
	max-cache-ttl 777600;
	max-ncache-ttl PT3H;
	recursion yes;
	rrset-order {
		type A name "x" order cyclic;
		order random;
	};
	forwarders port 43 {
		fe80::1%2;
		10.1.0.2 port 54;
	};
};
key "k" {
	algorithm "hmac-sha256";
	secret "c2VjcmV0";
};
zone "z" IN {
	type primary;
	file "z";
	update-policy {
		grant "k" name "a.z" "A";
		deny "*" wildcard "*.z" "ANY";
	};
};
"#;
    let text = text.replace("{ any; key k; }", "{ any; !none; }");
    let expected = expected.replace("key \"k\";\n\t\t};", "!\"none\";\n\t\t};");
    assert_eq!(printed(&text, &NoFiles), expected);
}

#[test]
fn secrets_are_masked_letter_by_letter() {
    let text = "options { cookie-secret 00112233445566778899aabbccddeeff; forwarders { 10.1.0.2; }; };
        key k { algorithm hmac-sha256; secret \"c2VjcmV0\"; };";
    let masked = Document::read(text, "x.conf", &NoFiles).print(Secrets::Masked);
    assert!(masked.contains(&format!("cookie-secret \"{}\";", "?".repeat(32))), "{masked}");
    assert!(masked.contains("\tsecret \"????????\";\n") && masked.contains("algorithm \"hmac-sha256\""), "{masked}");
}
