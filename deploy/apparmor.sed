# Makes of the profile of Debian's bind9 one of Tandem's programs, with the same places and what they need more.
#
#   sed -f deploy/apparmor.sed /etc/apparmor.d/usr.sbin.named >/etc/apparmor.d/usr.local.lib.tandem
#
# Not here: places of this host alone, which go into /etc/apparmor.d/local/usr.local.lib.tandem.
s|^profile named /usr/sbin/named|profile tandem-named /usr/local/lib/tandem/tandem|
s|local/usr\.sbin\.named|local/usr.local.lib.tandem|
\|^  /usr/sbin/named mr,| c\
  /usr/local/lib/tandem/* mr,\
  # -u takes capabilities from what may ever be had.\
  capability setpcap,\
  # Threads, the limits of the control group and the kernel's version, as far as they are told.\
  @{PROC}/@{pid}/task/ r,\
  @{PROC}/@{pid}/cgroup r,\
  @{PROC}/sys/kernel/osrelease r,\
  /sys/fs/cgroup/{,**} r,\
  # state_directory\
  /var/lib/tandem/ rw,\
  /var/lib/tandem/** rwk,
