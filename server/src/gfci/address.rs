//! Where the panel is: a host and a port from the settings, resolved once and pinned.
//!
//! A setting must not become a way to talk to the host itself: loopback and what else is no other machine is
//! refused, for names as for numbers, unless it is expressly allowed.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

/// Where plain HTTP listens when no port is given.
const DEFAULT_PORT: u16 = 80;
/// The longest host name DNS knows (RFC 1035, 2.3.4).
const HOST_LIMIT: usize = 253;

/// A host and a port, as somebody wrote them: `gfci.local`, `192.168.1.40:8080`, `[fd00::40]:80`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Address {
    host: String,
    port: u16,
}

/// Why an address can't be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    /// It is no host with a port.
    #[error("{0:?} is no address; write host:port, without http:// and without a path")]
    Malformed(String),
    /// It is the host itself, or no machine at all.
    #[error("{0} is not another machine's address")]
    Forbidden(IpAddr),
    /// The name is unknown, at least now.
    #[error("{host} can't be resolved: {reason}")]
    Unresolved {
        /// The name.
        host: String,
        /// What the system says.
        reason: String,
    },
}

impl Address {
    /// Looks the host up. The result stays the same for as long as it is kept, whatever the name says later.
    ///
    /// # Errors
    /// When the name is unknown, or when any of its addresses is forbidden.
    pub async fn resolve(&self, allow_loopback: bool) -> Result<SocketAddr, AddressError> {
        let unresolved = |reason: String| AddressError::Unresolved { host: self.host.clone(), reason };
        let found = tokio::net::lookup_host((self.host.as_str(), self.port))
            .await
            .map_err(|error| unresolved(error.to_string()))?;
        choose(found, allow_loopback)?.ok_or_else(|| unresolved("no address".into()))
    }

    /// Refuses at once, without a look-up, what is a number and forbidden.
    ///
    /// # Errors
    /// [`AddressError::Forbidden`].
    pub fn check(&self, allow_loopback: bool) -> Result<(), AddressError> {
        self.host.parse().map_or(Ok(()), |ip| check_ip(ip, allow_loopback))
    }
}

/// The first of the addresses, if none of them is forbidden.
fn choose(found: impl Iterator<Item = SocketAddr>, allow_loopback: bool) -> Result<Option<SocketAddr>, AddressError> {
    let mut first = None;
    for address in found {
        check_ip(address.ip(), allow_loopback)?;
        first.get_or_insert(address);
    }
    Ok(first)
}

fn check_ip(ip: IpAddr, allow_loopback: bool) -> Result<(), AddressError> {
    // ::ffff:127.0.0.1 is 127.0.0.1.
    let canonical = ip.to_canonical();
    let broadcast = matches!(canonical, IpAddr::V4(v4) if v4.is_broadcast());
    if canonical.is_multicast() || broadcast {
        return Err(AddressError::Forbidden(ip));
    }
    // The unspecified address reaches the host itself.
    if !allow_loopback && (canonical.is_loopback() || canonical.is_unspecified()) {
        return Err(AddressError::Forbidden(ip));
    }
    Ok(())
}

impl FromStr for Address {
    type Err = AddressError;

    fn from_str(text: &str) -> Result<Self, AddressError> {
        let malformed = || AddressError::Malformed(text.chars().take(HOST_LIMIT).collect());
        if let Ok(address) = text.parse::<SocketAddr>() {
            return Self { host: address.ip().to_string(), port: address.port() }.with_port(malformed);
        }
        if let Ok(ip) = text.parse::<IpAddr>() {
            return Ok(Self { host: ip.to_string(), port: DEFAULT_PORT });
        }
        let (host, port) = match text.split_once(':') {
            Some((host, port)) => (host, port.parse().map_err(|_| malformed())?),
            None => (text, DEFAULT_PORT),
        };
        if !is_host_name(host) {
            return Err(malformed());
        }
        Self { host: host.to_owned(), port }.with_port(malformed)
    }
}

impl Address {
    fn with_port(self, malformed: impl Fn() -> AddressError) -> Result<Self, AddressError> {
        if self.port == 0 { Err(malformed()) } else { Ok(self) }
    }
}

/// Letters, digits and hyphens between dots. A last label of digits alone would be an odd spelling of a number.
fn is_host_name(host: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len()) && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
    };
    let last = host.rsplit('.').next().unwrap_or_default();
    host.len() <= HOST_LIMIT && host.split('.').all(label) && last.bytes().any(|byte| byte.is_ascii_alphabetic())
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.host.contains(':') {
            write!(f, "[{}]:{}", self.host, self.port)
        } else {
            write!(f, "{}:{}", self.host, self.port)
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    /// Checks what a text is read as; `None` that it is refused.
    fn check(text: &str, expected: Option<&str>) {
        let read = text.parse::<Address>().ok().map(|address| address.to_string());
        assert_eq!(read.as_deref(), expected, "{text}");
    }

    #[test]
    fn addresses_are_host_and_port_and_nothing_else() {
        check("gfci.local", Some("gfci.local:80"));
        check("gfci.local:8080", Some("gfci.local:8080"));
        check("192.168.1.40", Some("192.168.1.40:80"));
        check("[fd00::40]:81", Some("[fd00::40]:81"));
        check("fd00::40", Some("[fd00::40]:80"));
        for text in [
            "",
            "http://gfci.local",
            "gfci.local/api",
            "user@gfci.local",
            "gfci.local:",
            "gfci.local:0",
            "10.0.0.1:0",
            "gfci.local:65536",
            "gfci..local",
            "gfci local",
            "gfci.local\r\nHost: x",
            "2130706433",
            "127.1",
            "127.0.0.01",
        ] {
            check(text, None);
        }
    }

    #[tokio::test]
    async fn the_host_itself_is_refused_unless_allowed() {
        for text in ["127.0.0.1:80", "127.9.9.9:80", "[::1]:80", "[::ffff:127.0.0.1]:80", "0.0.0.0:80", "[::]:80"] {
            let address: Address = text.parse().unwrap();
            assert!(matches!(address.check(false), Err(AddressError::Forbidden(_))), "{text}");
            assert!(matches!(address.resolve(false).await, Err(AddressError::Forbidden(_))), "{text}");
            assert_eq!(address.resolve(true).await.unwrap(), text.parse().unwrap(), "{text}");
        }
        // A name for it, and a number that only the system's resolver understands.
        for text in ["localhost:80", "0x7f000001:80"] {
            assert!(text.parse::<Address>().unwrap().resolve(false).await.is_err(), "{text}");
        }
    }

    #[test]
    fn what_is_no_machine_is_refused_always() {
        for text in ["224.0.0.251:80", "255.255.255.255:80", "[ff02::1]:80"] {
            assert!(text.parse::<Address>().unwrap().check(true).is_err(), "{text}");
        }
    }

    #[test]
    fn one_forbidden_address_among_several_spoils_the_name() {
        let of = |list: &[&str]| choose(list.iter().map(|text| text.parse().unwrap()), false);
        assert_eq!(of(&["10.0.0.2:80", "10.0.0.3:80"]), Ok(Some("10.0.0.2:80".parse().unwrap())));
        assert!(of(&["10.0.0.2:80", "127.0.0.1:80"]).is_err());
        assert_eq!(of(&[]), Ok(None));
    }
}
