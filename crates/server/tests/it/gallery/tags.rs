//! The page of a repository's tags.

use crate::support::{Answer, Harbour, Image, Pusher, Server};
use serde_json::json;

/// Pushes images of their own for these tags, in order.
fn push(harbour: &Harbour, tags: &[&str]) {
    let mut pusher = Pusher::of(harbour, "app");
    for tag in tags {
        assert_eq!(pusher.push(&Image::new(tag, &["layer".into()]), tag).status, 201);
    }
}

/// Sets a resource tag of `pier/app`.
fn tag_resource(harbour: &Harbour, key: &str, value: &str) {
    let tags = json!({"resourceArn": "arn:aws:ecr-public::000000000000:repository/app", "tags": [{"Key": key, "Value": value}]});
    assert_eq!(harbour.server.aws("TagResource", &tags).status, 200);
}

fn page(harbour: &Harbour, query: &str) -> String {
    let answer = harbour.server.get(&format!("/pier/app/-/tags{query}"));
    assert_eq!((answer.status, answer.header("content-type")), (200, Some("text/html; charset=utf-8")), "{query} {answer:?}");
    answer.text()
}

/// The tags of the rows of a page, in order.
fn tags(page: &str) -> Vec<&str> {
    let body = page.split("<tbody>").nth(1).unwrap_or_default().split("</tbody>").next().unwrap_or_default();
    let heads = body.split("<th scope=\"row\"").skip(1).filter_map(|row| row.split("</th>").next());
    let links = heads.flat_map(|head| head.split("<br>").next().unwrap_or_default().split("href=\"/pier/app:").skip(1));
    links.filter_map(|link| link.split('"').next()).collect()
}

/// The address behind a link of a page with this text.
fn link(page: &str, text: &str) -> String {
    let before = page.split(&format!("\">{text}</a>")).next().filter(|before| before.len() < page.len());
    let before = before.or_else(|| page.split(&format!(">{text}</a>")).next().filter(|before| before.len() < page.len()));
    let address = before.and_then(|before| before.rsplit("href=\"").next()).and_then(|rest| rest.split('"').next());
    address.unwrap_or_else(|| panic!("no link '{text}' in {page}")).replace("&#38;", "&").replace("&amp;", "&")
}

fn query(address: &str) -> &str {
    address.strip_prefix("/pier/app/-/tags").expect("a page of tags")
}

#[test]
fn a_person_sorts_filters_and_walks_through_tags() {
    let harbour = Harbour::new();
    let names: Vec<_> = (1..=60).map(|number| format!("1.{number}.0")).collect();
    push(&harbour, &names.iter().map(String::as_str).collect::<Vec<_>>());
    let newest = page(&harbour, "");
    assert!(newest.contains("60 tags"), "{newest}");
    let shown = tags(&newest);
    assert_eq!((shown.len(), shown[0], shown[49]), (50, "1.60.0", "1.11.0"));
    let older = page(&harbour, query(&link(&newest, "Older")));
    assert_eq!(tags(&older).first(), Some(&"1.10.0"));
    assert!(!older.contains(">Older</a>"), "the last page says so");
    assert_eq!(tags(&page(&harbour, query(&link(&older, "Newer")))), shown);

    let by_name = page(&harbour, query(&link(&newest, "Name")));
    assert_eq!(tags(&by_name)[..3], ["1.1.0", "1.10.0", "1.11.0"]);
    let by_version = page(&harbour, "?sort=version&q=1.5");
    assert_eq!(
        tags(&by_version),
        ["1.59.0", "1.58.0", "1.57.0", "1.56.0", "1.55.0", "1.54.0", "1.53.0", "1.52.0", "1.51.0", "1.50.0", "1.5.0"]
    );
    assert!(by_version.contains("value=\"1.5\""), "the filter stays in its box");
    assert!(page(&harbour, "?q=nothing").contains("No tag contains “nothing”"));
}

#[test]
fn signatures_are_folded_hidden_tags_have_a_link_and_tags_of_one_image_share_a_row() {
    let harbour = Harbour::new();
    let mut pusher = Pusher::of(&harbour, "app");
    let image = Image::new("a", &["layer".into()]);
    for tag in ["1.0", "latest", &format!("sha256-{}.sig", image.digest().trim_start_matches("sha256:"))] {
        assert_eq!(pusher.push(&image, tag).status, 201);
    }
    push(&harbour, &["nightly-1"]);
    tag_resource(&harbour, "roadstead:hidden-tags", "nightly-");
    push(&harbour, &["nightly-2"]);

    let all = page(&harbour, "?hidden=1");
    assert_eq!(tags(&all), ["nightly-2", "nightly-1", "latest", "1.0"]);
    assert_eq!(all.matches("<th scope=\"row\"").count(), 3);
    assert!(all.contains("signature</span>"), "{all}");
    let listed = page(&harbour, query(&link(&all, "Leave out hidden")));
    assert!(!tags(&listed).contains(&"nightly-2") && !listed.contains(".sig"), "{listed}");
}

#[test]
fn a_query_that_makes_no_sense_is_explained_and_a_missing_repository_is_not_found() {
    let harbour = Harbour::new();
    let status = |path: &str| harbour.server.get(path).status;
    for bad in ["sort=size", "after=x", "after=1~-x", "before=~", "sort=name&after=%3Cb%3E"] {
        assert_eq!(status(&format!("/pier/app/-/tags?{bad}")), 400, "{bad}");
    }
    assert_eq!(status("/pier/none/-/tags"), 404);
    assert!(page(&harbour, "").contains("No tags yet"));
}

#[test]
fn only_the_first_page_of_the_whole_list_is_for_search_engines() {
    let harbour = Harbour::new();
    push(&harbour, &["1.0"]);
    let robots = |query: &str| harbour.server.get(&format!("/pier/app/-/tags{query}")).header("x-robots-tag").map(str::to_owned);
    assert_eq!(robots(""), None);
    for query in ["?q=1", "?hidden=1", "?sort=name&after=0"] {
        assert_eq!(robots(query).as_deref(), Some("noindex"), "{query}");
    }
}

#[test]
fn a_filter_is_shown_as_text_whatever_it_contains() {
    let harbour = Harbour::new();
    push(&harbour, &["1.0"]);
    let hostile = page(&harbour, "?q=%3Cscript%3Ealert(1)%3C/script%3E%22%20onfocus=%22x%E2%80%AEtxt");
    assert!(!hostile.contains("<script>alert") && !hostile.contains("\" onfocus") && !hostile.contains("“<"), "{hostile}");
    assert!(hostile.contains("No tag contains"), "{hostile}");
    let long: Answer = harbour.server.get(&format!("/pier/app/-/tags?q={}", "x".repeat(3000)));
    assert!(long.status == 200 && !long.text().contains(&"x".repeat(129)), "the filter is cut");
}

#[test]
fn the_command_line_shows_the_featured_tag_and_warns_of_one_that_does_not_exist() {
    let data = tempfile::tempdir().unwrap();
    let server = Server::start_in(data.path(), &["--alias", "pier", "--create-on-push"]);
    let harbour = Harbour::on(server);
    push(&harbour, &["1.0", "nightly-1"]);
    let show = || {
        let data = data.path().to_str().unwrap();
        crate::support::run(&["repository", "show", "app", "--data", data, "--output", "json"], &[]).json()
    };
    let shown = show();
    assert_eq!(
        (&shown["featuredTag"], &shown["chosenAs"], &shown["listedTags"]),
        (&json!("1.0"), &json!("highest stable version"), &json!(2))
    );
    assert_eq!(shown["warnings"], json!([]));
    tag_resource(&harbour, "roadstead:featured-tag", "2.0");
    assert_eq!(show()["warnings"], json!(["roadstead:featured-tag names '2.0', which is no tag of an image here"]));
    tag_resource(&harbour, "roadstead:featured-tag", "nightly-1");
    let shown = show();
    assert_eq!(
        (&shown["featuredTag"], &shown["chosenAs"], &shown["warnings"]),
        (&json!("nightly-1"), &json!("choice of the owner"), &json!([]))
    );
}
