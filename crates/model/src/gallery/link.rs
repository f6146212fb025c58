//! Addresses of publishers that a page may link to.

/// The longest address that is linked, in bytes. Browsers and proxies refuse longer ones.
const LONGEST: usize = 2048;

/// The address, if it begins with `http://` or `https://` and a host. Other schemes can run scripts, and browsers skip control characters
/// in one. A user name before the host can pass for the host (RFC 3986, section 7.6).
pub fn web_address(text: &str) -> Option<&str> {
    let (scheme, rest) = text.split_once("://")?;
    let is_web = ["http", "https"].iter().any(|web| scheme.eq_ignore_ascii_case(web));
    let authority = rest.split(['/', '?', '#', '\\']).next().unwrap_or_default();
    let has_host = authority.starts_with(char::is_alphanumeric) && !authority.contains('@');
    (is_web && has_host && is_plain(text)).then_some(text)
}

/// The address, if [`web_address`] allows it or if it begins with `mailto:`.
pub fn web_or_mail_address(text: &str) -> Option<&str> {
    let is_mail = text.split_once(':').is_some_and(|(scheme, rest)| scheme.eq_ignore_ascii_case("mailto") && !rest.is_empty());
    if is_mail { is_plain(text).then_some(text) } else { web_address(text) }
}

fn is_plain(text: &str) -> bool {
    text.len() <= LONGEST && !text.chars().any(|c| c.is_control() || c.is_whitespace())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_addresses_that_cannot_run_a_script_are_linked() {
        for good in ["https://example.org/a?b=c#d", "HTTP://example.org", "https://例え.jp/ä"] {
            assert_eq!(web_address(good), Some(good));
            assert_eq!(web_or_mail_address(good), Some(good));
        }
        assert_eq!(web_or_mail_address("MailTo:a@example.org"), Some("MailTo:a@example.org"));
        for bad in [
            "javascript:alert(1)",
            "javascript://example.org/%0aalert(1)",
            "java\nscript:alert(1)",
            " https://example.org",
            "https://example.org/ onclick=x",
            "https://example.org/\u{1}",
            "data:text/html,x",
            "//example.org/x",
            "/v2/",
            "docs/a.md",
            "http:a",
            "https://",
            "https:///x",
            "https://@",
            "https://example.org@evil.example",
            "http://[::1",
            "mailto:",
            "",
        ] {
            assert_eq!(web_or_mail_address(bad), None, "{bad}");
        }
        assert_eq!(web_address("mailto:a@example.org"), None);
        assert_eq!(web_address(&format!("https://example.org/{}", "a".repeat(LONGEST))), None);
    }
}
