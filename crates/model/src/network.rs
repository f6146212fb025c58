//! IP networks, as written in policies and settings.

use ipnet::IpNet;

/// Parses CIDR notation; a single address is a network of one.
///
/// The standard library parses the address, because `ipnet` accepts `010.0.0.0` as `10.0.0.0`.
pub fn parse_network(text: &str) -> Option<IpNet> {
    let Some((address, prefix)) = text.split_once('/') else { return Some(IpNet::from(text.parse::<std::net::IpAddr>().ok()?)) };
    let prefix = Some(prefix).filter(|prefix| prefix.bytes().all(|byte| byte.is_ascii_digit()))?;
    IpNet::new(address.parse().ok()?, prefix.parse().ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn malformed_networks_are_none() {
        for bad in [
            "",
            "203.0.113",
            "203.0.113.0/33",
            "203.0.113.0/",
            "203.0.113.0/+8",
            "203.0.113.0/a",
            "::/129",
            "/8",
            "10.0.0.0/8/8",
            "*",
            "010.0.0.0/8",
            "10.0.0.0/256",
        ] {
            assert_eq!(parse_network(bad), None, "{bad}");
        }
    }
}
