//! What all pages have in common: addresses, headers, kept and compressed pages, refusals, and the settings of the operator.

use crate::support::{Answer, Harbour, Server};
use std::io::Read;

fn start(flags: &[&str]) -> Server {
    Server::start(&[&["--alias", "pier"], flags].concat())
}

fn get(server: &Server, path: &str, headers: &[(&str, &str)]) -> Answer {
    server.send("GET", path, headers, b"")
}

#[test]
fn an_unchanged_page_is_not_sent_again() {
    let server = start(&[]);
    let page = server.get("/-/help");
    let tag = page.header("etag").unwrap().to_owned();
    assert!(!tag.starts_with("W/") && page.header("cache-control") == Some("no-cache"), "{page:?}");
    for known in [tag.clone(), format!("W/{tag}"), format!("\"other\", {tag}"), "*".to_owned()] {
        let answer = get(&server, "/-/help", &[("if-none-match", &known)]);
        assert_eq!((answer.status, answer.header("etag"), answer.body.len()), (304, Some(tag.as_str()), 0), "{known}");
    }
    assert_eq!(get(&server, "/-/help", &[("if-none-match", "\"other\"")]).status, 200);
}

#[test]
fn a_page_is_compressed_for_clients_that_accept_it() {
    let server = start(&[]);
    let plain = server.get("/-/help");
    let compressed = get(&server, "/-/help", &[("accept-encoding", "gzip, br")]);
    assert_eq!((compressed.header("content-encoding"), compressed.header("vary")), (Some("gzip"), Some("Accept-Encoding")));
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), (None, Some("Accept-Encoding")));
    let mut text = Vec::new();
    flate2::read::GzDecoder::new(compressed.body.as_slice()).read_to_end(&mut text).unwrap();
    assert!(text == plain.body && compressed.body.len() * 2 < plain.body.len());
    let weak = format!("W/{}", plain.header("etag").unwrap());
    assert_eq!(compressed.header("etag"), Some(weak.as_str()));
    let head = server.send("HEAD", "/-/help", &[("accept-encoding", "gzip")], b"");
    let length = compressed.body.len().to_string();
    assert_eq!((head.status, head.header("content-length"), head.header("etag")), (200, Some(length.as_str()), Some(weak.as_str())));
}

#[test]
fn a_page_shows_the_host_by_which_the_client_came() {
    let server = start(&[]);
    let of = |host: &str| get(&server, "/-/help", &[("host", host)]).text();
    for host in ["one.example", "two.example:5000", "one.example"] {
        let text = of(host);
        assert!(text.contains(&format!("docker pull {host}/PUBLISHER")), "{text}");
    }
}

#[test]
fn members_of_the_query_that_a_page_does_not_know_make_no_other_page_of_it() {
    let server = start(&[]);
    let tag = |path: &str| server.get(path).header("etag").unwrap().to_owned();
    assert_eq!(tag("/-/help"), tag("/-/help?utm_source=x&q=%3Cscript%3E"));
}

#[test]
fn a_page_that_does_not_exist_says_so_and_offers_a_search() {
    let server = start(&[]);
    for path in ["/pier/app", "/nobody", "/login", "/pier/app:%3Cscript%3E", "/%FF", "/assets/gallery.css", "/pier/../../etc/passwd"] {
        let page = server.get(path);
        assert_eq!((page.status, page.header("content-type")), (404, Some("text/html; charset=utf-8")), "{path}");
        assert_eq!((page.header("cache-control"), page.header("x-robots-tag")), (Some("no-store"), Some("noindex")), "{path}");
        assert!(!page.text().contains("<script>"), "{path}");
    }
    let page = server.get("/docker/library/ngnix").text();
    assert!(page.contains(r#"value="docker library ngnix""#) && page.contains("/search?q=docker%20library%20ngnix"), "{page}");
}

#[test]
fn an_address_that_is_written_otherwise_leads_to_the_right_one() {
    let server = start(&[]);
    for (path, own) in [("/Pier/App/", "/pier/app"), ("/-/help/?a=b", "/-/help?a=b"), ("//", "/"), ("/Pier/App:V1", "/pier/app:V1")] {
        let answer = server.get(path);
        assert_eq!((answer.status, answer.header("location")), (308, Some(own)), "{path}");
    }
    assert_eq!(server.get("//evil.example/a").status, 404);
}

#[test]
fn what_is_no_page_cannot_be_posted_to() {
    let server = start(&[]);
    for (method, path, allowed) in [
        ("POST", "/-/help", "GET, HEAD"),
        ("DELETE", "/pier/app", "GET, HEAD"),
        ("PUT", "/", "GET, HEAD, POST"),
        ("GET", "/describeImageTags", "OPTIONS, POST"),
    ] {
        let answer = server.send(method, path, &[], b"");
        assert_eq!((answer.status, answer.header("allow")), (405, Some(allowed)), "{method} {path}");
    }
}

#[test]
fn assets_are_kept_for_ever_and_every_page_names_them() {
    let server = start(&[]);
    let page = server.get("/-/help").text();
    let names: Vec<&str> = page.split('"').filter(|text| text.starts_with("/assets/")).collect();
    assert_eq!(names.len(), 3, "{names:?}");
    for name in names {
        let asset = server.get(name);
        assert_eq!((asset.status, asset.header("cache-control")), (200, Some("public, max-age=31536000, immutable")), "{name}");
        assert_eq!(asset.header("content-security-policy"), Some("default-src 'none'; sandbox"), "{name}");
    }
    let moved = server.get("/favicon.ico");
    assert!(moved.status == 308 && moved.header("location").unwrap().starts_with("/assets/favicon."));
}

#[test]
fn robots_are_told_what_to_leave_alone_and_where_the_addresses_are() {
    let server = Server::start(&["--alias", "pier", "--public-url", "https://registry.example"]);
    let robots = server.get("/robots.txt");
    assert_eq!(robots.header("content-type"), Some("text/plain; charset=utf-8"));
    let text = robots.text();
    assert!(text.contains("Disallow: /v2/\n") && text.ends_with("Sitemap: https://registry.example/-/sitemap.xml\n"), "{text}");
    let description = server.get("/-/opensearch.xml").text();
    assert!(description.contains(r#"template="https://registry.example/search?q={searchTerms}""#), "{description}");
}

#[test]
fn the_operator_names_the_gallery_and_links_to_himself() {
    let flags = ["--gallery-name=<The> quay", "--gallery-notice=Closed & quiet", "--gallery-imprint=https://example.org/imprint?a&b"];
    let server = start(&[&flags[..], &["--gallery-contact=mailto:harbour@example.org", "--gallery-max-age=60s"]].concat());
    let page = server.get("/-/help");
    assert_eq!(page.header("cache-control"), Some("public, max-age=60"));
    let text = page.text();
    for expected in [
        "<title>Help · &#60;The&#62; quay</title>",
        "Closed &#38; quiet",
        r#"href="https://example.org/imprint?a&#38;b""#,
        r#"href="mailto:harbour@example.org""#,
    ] {
        assert!(text.contains(expected), "{expected}: {text}");
    }
    for refused in ["--gallery-imprint=javascript:alert(1)", "--gallery-contact=data:text/html,x", "--gallery-notice="] {
        assert!(crate::support::run(&["serve", "--ephemeral", refused], &[]).code == Some(2), "{refused}");
    }
}

#[test]
fn pages_of_an_address_are_limited_where_the_operator_wants_it_and_pulls_are_not() {
    let harbour = Harbour::on(start(&["--gallery-rate=3/h"]));
    assert!((0..3).all(|_| harbour.server.get("/-/help").status == 200));
    let refused = harbour.server.get("/-/help");
    assert_eq!((refused.status, refused.header("content-type")), (429, Some("text/html; charset=utf-8")));
    let wait: u64 = refused.header("retry-after").unwrap().parse().unwrap();
    assert!((1..=1201).contains(&wait), "{wait}");
    assert_eq!(harbour.server.get("/v2/").status, 401);
    assert!(harbour.server.get("/assets/gallery.css").status == 404 && harbour.server.get("/-/help").status == 429);
}

#[test]
fn without_a_gallery_only_the_first_commands_are_left() {
    let harbour = Harbour::on(start(&["--gallery=false"]));
    for path in ["/-/help", "/pier", "/search", "/robots.txt", "/api/v1/search", "/favicon.ico"] {
        let answer = harbour.server.get(path);
        assert_eq!((answer.status, answer.header("content-type")), (404, Some("text/plain; charset=utf-8")), "{path}");
    }
    assert_eq!(harbour.server.send("POST", "/describeImageTags", &[], b"{}").status, 404);
    let first = harbour.server.get("/");
    assert!(first.status == 200 && first.text().contains("/pier/app:latest"), "{first:?}");
    assert_eq!(harbour.server.get("/v2/").status, 401);
}

#[test]
fn a_page_is_new_as_soon_as_something_was_pushed() {
    let harbour = Harbour::new();
    let before = harbour.server.get("/pier/app");
    let again = harbour.server.get("/pier/app");
    assert_eq!((before.status, again.header("etag")), (200, before.header("etag")));
    assert_eq!(harbour.put("v1.2.3", &[], &harbour.image("a", None)).status, 201);
    let after = harbour.server.get("/pier/app");
    assert!(after.header("etag") != before.header("etag") && after.text().contains("v1.2.3"), "{after:?}");
}
