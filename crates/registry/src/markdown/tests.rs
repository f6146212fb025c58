//! Tests of the rendered HTML, and of what hostile texts become.

use super::*;
use proptest::prelude::*;
use raw_html::{Token, Tokens};

fn html(markdown: &str) -> String {
    let pictures = Pictures::from([("shot.png".to_owned(), format!("{PICTURE_PREFIX}sha256:00"))]);
    Prose::render(markdown, &pictures).html.as_str().to_owned()
}

#[test]
fn markdown_becomes_html() {
    for (markdown, expected) in [
        ("a *b* **c** ~~d~~ `e < f`", "<p>a <em>b</em> <strong>c</strong> <del>d</del> <code>e &lt; f</code></p>"),
        ("- [x] a\n- [ ] b", "<ul><li>☑ a</li><li>☐ b</li></ul>"),
        ("3. a", "<ol start=\"3\"><li>a</li></ol>"),
        ("```sh\na <b> https://c.example\n```", "<pre tabindex=\"0\"><code>a &lt;b&gt; https://c.example\n</code></pre>"),
        ("> [!NOTE]\n> a", "<blockquote><p><strong>Note</strong></p><p>a</p></blockquote>"),
        (
            "|a|b|\n|-|-:|\n|c|",
            "<div class=\"scroll\" tabindex=\"0\"><table><thead><tr><th scope=\"col\">a</th><th scope=\"col\" class=\"right\">b</th></tr></thead>\
             <tbody><tr><td>c</td><td class=\"right\"></td></tr></tbody></table></div>",
        ),
    ] {
        assert_eq!(html(markdown), expected);
    }
}

#[test]
fn links_lead_to_web_addresses_only_and_vouch_for_nothing() {
    const REL: &str = "rel=\"nofollow ugc noopener\"";
    for (markdown, expected) in [
        ("[a](https://b.example)", format!("<p><a href=\"https://b.example\" {REL}>a</a></p>")),
        ("see https://b.example/c_d.", format!("<p>see <a href=\"https://b.example/c_d\" {REL}>https://b.example/c_d</a>.</p>")),
        (
            "(http://b.example/c) xhttp://d http e",
            format!("<p>(<a href=\"http://b.example/c\" {REL}>http://b.example/c</a>) xhttp://d http e</p>"),
        ),
        ("<a@b.example>", format!("<p><a href=\"mailto:a@b.example\" {REL}>a@b.example</a></p>")),
        ("[a](#b-c)", format!("<p><a href=\"#h-b-c\" {REL}>a</a></p>")),
        ("[a](javascript:alert(1))", "<p>a</p>".to_owned()),
        ("[a](docs/b.md)", "<p>a</p>".to_owned()),
        ("[a](//b.example)", "<p>a</p>".to_owned()),
    ] {
        assert_eq!(html(markdown), expected, "{markdown}");
    }
}

#[test]
fn a_picture_is_shown_only_if_it_was_pushed() {
    const REL: &str = "rel=\"nofollow ugc noopener\"";
    for (markdown, expected) in [
        ("![a *b*](shot.png)", "<p><img src=\"/-/asset/sha256:00\" alt=\"a b\" loading=\"lazy\"></p>".to_owned()),
        ("<img src=\"./shot.png\" width=80 alt=a>", "<img src=\"/-/asset/sha256:00\" alt=\"a\" width=\"80\" loading=\"lazy\">".to_owned()),
        ("![a](https://b.example/c.png)", format!("<p><a href=\"https://b.example/c.png\" {REL}>a</a></p>")),
        ("[![a](https://b.example/c.png)](https://d.example)", format!("<p><a href=\"https://d.example\" {REL}>a</a></p>")),
        ("![](data:image/png;base64,AAAA)", "<p>picture</p>".to_owned()),
    ] {
        assert_eq!(html(markdown), expected, "{markdown}");
    }
}

#[test]
fn raw_html_keeps_its_structure_and_nothing_else() {
    for (markdown, expected) in [
        ("<p align=\"center\">a</p>", "<p class=\"center\">a</p>"),
        (
            "<details open><summary>a</summary>\n\n*b*\n\n</details>",
            "<details open=\"\"><summary>a</summary>\n<p><em>b</em></p></details>\n",
        ),
        ("a <kbd onclick=x style=y class=z id=w>b</kbd>", "<p>a <kbd>b</kbd></p>"),
        ("<center>a</center>", "<div class=\"center\">a</div>"),
        ("a <b>b\n\nc", "<p>a <b>b</b></p><p>c</p>"),
        ("<script>alert(1)</script>\n\na <style>b</style> c", "<p>a  c</p>"),
        ("<!-- a --> b &copy;", " b ©"),
        ("<form><input><button>a</button></form>", "a"),
    ] {
        assert_eq!(html(markdown).trim(), expected.trim(), "{markdown}");
    }
}

#[test]
fn headings_stand_below_that_of_the_page_and_are_listed() {
    let prose = Prose::render("# A `b`\n\n### C\n\n# <h1>d\n\n<h2 align=center>e</h2>", &Pictures::new());
    let html = "<h2 id=\"h-a-b\">A <code>b</code></h2><h3 id=\"h-c\">C</h3><h2 id=\"h-d\">d</h2><h3 id=\"h-e\">e</h3>";
    assert_eq!(prose.html.as_str(), html);
    let listed: Vec<_> = prose.contents.iter().map(|heading| (heading.level, heading.text.as_str())).collect();
    assert_eq!(listed, [(2, "A b"), (3, "C"), (2, "d"), (3, "e")]);
    let stored = Prose::from_stored(VERSION, html.to_owned(), &prose.stored_contents());
    assert_eq!(stored, Some(prose));
    assert_eq!(Prose::from_stored(VERSION - 1, html.to_owned(), "[]"), None);
}

#[test]
fn footnotes_lead_to_each_other() {
    let rendered = html("a[^x]\n\n[^x]: b");
    assert!(rendered.contains("<sup><a href=\"#fn-1\"") && rendered.contains("<div id=\"fn-1\"><sup>1</sup><p>b</p></div>"), "{rendered}");
}

#[test]
fn characters_that_change_the_direction_of_text_are_shown() {
    assert_eq!(html("`a\u{202e}b`\r\nc"), "<p><code>a⟨U+202E⟩b</code>\nc</p>");
}

/// Fails if `html` contains anything but the elements and attributes of the writer.
fn check(html: &str) {
    let mut depth = 0_usize;
    for token in Tokens::new(html) {
        match token {
            Token::Text(_) => {}
            Token::Close(_) => depth = depth.saturating_sub(1),
            Token::Open(tag) => {
                assert!(elements::RAW.contains(&tag.name.as_str()), "element {}", tag.name);
                depth += usize::from(!matches!(&*tag.name, "br" | "hr" | "img"));
                for (name, value) in &tag.attributes {
                    let known = [
                        "href", "rel", "open", "id", "tabindex", "class", "src", "alt", "width", "loading", "start", "colspan", "rowspan",
                        "scope",
                    ];
                    assert!(known.contains(name), "attribute {name}");
                    assert!(is_own(&tag.name, name, &raw_html::resolved(value)), "{name}={value}");
                }
            }
        }
        assert!(depth < 120, "too deep");
    }
    assert!(html.len() <= 2 * MAXIMUM_HTML, "{} bytes", html.len());
}

#[test]
fn no_hostile_text_becomes_more_than_text() {
    let corpus = include_str!("../../tests/data/hostile-markdown.txt");
    let mut texts = 0;
    for text in corpus.split("\n%%\n") {
        check(&html(text));
        texts += 1;
    }
    assert!(texts > 50, "{texts} texts");
}

/// Texts of the greatest length that nest, or that some part of a parser could read again and again.
#[test]
fn large_hostile_texts_are_bounded() {
    let repeated = |unit: &str| unit.repeat(MAXIMUM_MARKDOWN / unit.len());
    for unit in [
        "> ",
        "- ",
        "1. ",
        "* > ",
        "[",
        "![",
        "](",
        "[a](",
        "*a **b ",
        "_a __b ",
        "`",
        "``` ",
        "<",
        "<a ",
        "<b>",
        "<a href=x>",
        "<div>",
        "<div>\n\n",
        "<li>",
        "<table><tr><td>",
        "<!--",
        "<![CDATA[",
        "&",
        "|",
        "|-",
        "a|\n-|\n",
        "# \n",
        "[^a]",
        "[^a]: ",
        "\\",
        "\n",
        "\r",
        "\t",
        "~~",
        "<details>\n\n",
        "<svg>",
        "<script>",
        "<h1>",
        "https://",
        "a@b.c ",
        "\u{202e}",
        "é",
    ] {
        check(&html(&repeated(unit)));
        check(&html(&format!("{}\n{}", unit.repeat(MAXIMUM_MARKDOWN / unit.len() / 2), "\n a".repeat(MAXIMUM_MARKDOWN / 6))));
    }
    let formats: String = (0..60).map(|n| format!("<b title={n}>")).collect();
    check(&html(&format!("{formats}{}", "a\n\n".repeat(20_000))));
    check(&html(&format!("{}\n{}\n{}", "|a".repeat(5_000), "|-".repeat(5_000), "|\n".repeat(20_000))));
    check(&html(&format!("[a]: https://b.example/{}\n\n{}", "c".repeat(1_000), "[a]".repeat(20_000))));
}

#[test]
fn what_opens_too_much_is_shown_as_it_is() {
    assert_eq!(html(&"> ".repeat(60)), format!("<pre tabindex=\"0\">{}</pre>", "&gt; ".repeat(60)));
    assert_eq!(html(&"-".repeat(500)), "<hr>");
    assert_eq!(html(&format!("a\n{}", "-".repeat(500))), "<h2 id=\"h-a\">a</h2>");
}

proptest! {
    #[test]
    fn every_text_becomes_safe_html(text in "(\\PC|\n| |[<>/=\"'`*_~#|&:;()!-]|\\[|\\]|script|style|onload|href|img|svg|table|details|javascript:|data:|https://){0,80}") {
        check(&html(&text));
    }
}
