//! TLS without trust: any certificate is taken, be it expired, self-signed or for another name.
//!
//! A check asks whether a server answers, not whether it is who it says; Route 53 validates none either. Nothing secret
//! is sent. Not here: HTTP.

use std::sync::Arc;

use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::ring;
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, Error, SignatureScheme};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;

use crate::wire::Name;

/// What all TLS probes share.
pub(super) struct Tls {
    named: TlsConnector,
    nameless: TlsConnector,
}

impl Tls {
    pub(super) fn new() -> Result<Self, Error> {
        let named = settings()?;
        let mut nameless = named.clone();
        nameless.enable_sni = false;
        Ok(Self { named: TlsConnector::from(Arc::new(named)), nameless: TlsConnector::from(Arc::new(nameless)) })
    }

    /// TLS on `stream`; a `name` is told to the server (SNI) if it can be one.
    pub(super) async fn connect(
        &self,
        name: Option<&Name>,
        stream: TcpStream,
    ) -> std::io::Result<TlsStream<TcpStream>> {
        let server = name.and_then(|name| ServerName::try_from(name.to_string()).ok());
        let (connector, server) = match server {
            Some(server) => (&self.named, server),
            None => (&self.nameless, ServerName::IpAddress(stream.peer_addr()?.ip().into())),
        };
        connector.connect(server, stream).await
    }
}

fn settings() -> Result<ClientConfig, Error> {
    let builder = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions()?.dangerous();
    let mut settings = builder.with_custom_certificate_verifier(Arc::new(AnyCertificate)).with_no_client_auth();
    // Each probe shows the whole of what a new client meets.
    settings.resumption = Resumption::disabled();
    Ok(settings)
}

/// Takes any certificate. Signatures are not looked at either: they would only show that the server has the key of a
/// certificate that anybody may have made, and cannot be checked with certificates that are not understood.
#[derive(Debug)]
struct AnyCertificate;

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _: &CertificateDer<'_>,
        _: &[CertificateDer<'_>],
        _: &ServerName<'_>,
        _: &[u8],
        _: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn verify_tls13_signature(
        &self,
        _: &[u8],
        _: &CertificateDer<'_>,
        _: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Ok(HandshakeSignatureValid::assertion())
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        // Whatever a server may have a key for.
        vec![
            SignatureScheme::ECDSA_NISTP256_SHA256,
            SignatureScheme::ECDSA_NISTP384_SHA384,
            SignatureScheme::ECDSA_NISTP521_SHA512,
            SignatureScheme::ED25519,
            SignatureScheme::ED448,
            SignatureScheme::RSA_PSS_SHA256,
            SignatureScheme::RSA_PSS_SHA384,
            SignatureScheme::RSA_PSS_SHA512,
            SignatureScheme::RSA_PKCS1_SHA256,
            SignatureScheme::RSA_PKCS1_SHA384,
            SignatureScheme::RSA_PKCS1_SHA512,
            SignatureScheme::RSA_PKCS1_SHA1,
            SignatureScheme::ECDSA_SHA1_Legacy,
        ]
    }
}
