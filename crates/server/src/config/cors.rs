//! `--cors-origin`.

use super::origin::Origin;
use http::HeaderValue;

/// The web sites whose pages may read responses.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Cors {
    /// Only this server.
    #[default]
    Nobody,
    /// Every site.
    Anybody,
    /// The origins of sites, as browsers write them.
    Sites(Vec<HeaderValue>),
}

impl Cors {
    /// Adds a site as `scheme://host[:port]`, or every site as `*`.
    pub fn allow(&mut self, text: &str) -> Result<(), String> {
        let refuse = || format!("'{text}' is not the origin of a site, such as https://app.example.org, or *");
        if text == "*" {
            *self = Self::Anybody;
            return Ok(());
        }
        let origin = Origin::parse_url(text).map_err(|_| refuse())?;
        let site = HeaderValue::from_str(&origin.to_string()).map_err(|_| refuse())?;
        match self {
            Self::Nobody => *self = Self::Sites(vec![site]),
            Self::Anybody => {}
            Self::Sites(sites) => sites.push(site),
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn site(text: &str) -> Result<Cors, String> {
        let mut cors = Cors::default();
        cors.allow(text).map(|()| cors)
    }

    #[test]
    fn an_origin_is_a_scheme_and_a_host_as_browsers_write_it_or_a_star() {
        assert_eq!(site("*"), Ok(Cors::Anybody));
        for (text, written) in [
            ("https://App.example.org", "https://app.example.org"),
            ("https://app.example.org:443", "https://app.example.org"),
            ("http://localhost:3000", "http://localhost:3000"),
        ] {
            assert_eq!(site(text), Ok(Cors::Sites(vec![HeaderValue::from_static(written)])));
        }
        for text in ["", "null", "app.example.org", "https://app.example.org/path", "https://*.example.org", "file://x"] {
            assert!(site(text).is_err(), "{text}");
        }
    }
}
