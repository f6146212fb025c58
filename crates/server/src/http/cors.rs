//! The sites whose pages may read responses (`--cors-origin`).

use super::Origin;
use http::HeaderValue;

/// What `--cors-origin` lists.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CorsOrigin {
    /// `*`
    Any,
    /// The origin of a site, as browsers write it.
    Site(HeaderValue),
}

impl CorsOrigin {
    /// Reads `*` or `scheme://host[:port]`.
    pub fn parse(text: &str) -> Result<Self, String> {
        if text == "*" {
            return Ok(Self::Any);
        }
        let refuse = || format!("'{text}' is not the origin of a site, such as https://app.example.org, or *");
        let origin = Origin::parse_url(text).map_err(|_| refuse())?;
        HeaderValue::from_str(&origin.to_string()).map(Self::Site).map_err(|_| refuse())
    }
}

/// Whose pages may read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Cors {
    /// This server's own only.
    Nobody,
    /// Everybody's.
    Anybody,
    /// These sites'.
    Sites(Vec<HeaderValue>),
}

impl Cors {
    /// Those who are listed; one `*` among them is everybody.
    pub fn to(listed: Vec<CorsOrigin>) -> Self {
        let mut sites = Vec::new();
        for origin in listed {
            match origin {
                CorsOrigin::Any => return Self::Anybody,
                CorsOrigin::Site(site) => sites.push(site),
            }
        }
        if sites.is_empty() { Self::Nobody } else { Self::Sites(sites) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str) -> CorsOrigin {
        CorsOrigin::parse(text).unwrap()
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_as_browsers_write_it_or_a_star() {
        assert_eq!(site("*"), CorsOrigin::Any);
        for (text, written) in [
            ("https://App.example.org", "https://app.example.org"),
            ("https://app.example.org:443", "https://app.example.org"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(site(text), CorsOrigin::Site(HeaderValue::from_static(written)));
        }
        for text in ["", "null", "app.example.org", "https://app.example.org/path", "https://*.example.org", "file://x"] {
            assert!(CorsOrigin::parse(text).is_err(), "{text}");
        }
    }
}
