//! The HTML elements that a text may use.

/// Elements that Markdown text may contain as raw HTML.
pub(super) const RAW: &[&str] = &[
    "a",
    "abbr",
    "b",
    "blockquote",
    "br",
    "caption",
    "center",
    "cite",
    "code",
    "dd",
    "del",
    "details",
    "div",
    "dl",
    "dt",
    "em",
    "figcaption",
    "figure",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "hr",
    "i",
    "img",
    "ins",
    "kbd",
    "li",
    "mark",
    "ol",
    "p",
    "picture",
    "pre",
    "q",
    "s",
    "samp",
    "small",
    "span",
    "strike",
    "strong",
    "sub",
    "summary",
    "sup",
    "table",
    "tbody",
    "td",
    "tfoot",
    "th",
    "thead",
    "tr",
    "tt",
    "u",
    "ul",
    "var",
];

/// Elements that are dropped with all that they contain.
pub(super) const DROPPED: &[&str] = &[
    "iframe", "math", "noembed", "noframes", "noscript", "object", "script", "select", "style", "svg", "template", "textarea", "title",
    "xmp",
];

/// Elements that end with the block they are written in, as their end tags are optional or they belong to a line of text.
pub(super) fn ends_with_its_block(name: &str) -> bool {
    !matches!(
        name,
        "blockquote"
            | "center"
            | "dd"
            | "details"
            | "div"
            | "dl"
            | "dt"
            | "figure"
            | "li"
            | "ol"
            | "picture"
            | "table"
            | "tbody"
            | "td"
            | "tfoot"
            | "th"
            | "thead"
            | "tr"
            | "ul"
    )
}

/// The open elements that the start tag `name` closes (HTML standard, "Optional tags").
pub(super) fn closed_by(name: &str) -> &'static [&'static str] {
    match name {
        "li" => &["li"],
        "dt" | "dd" => &["dt", "dd"],
        "td" | "th" => &["td", "th"],
        "tr" => &["td", "th", "tr"],
        "thead" | "tbody" | "tfoot" => &["td", "th", "tr", "thead", "tbody", "tfoot"],
        "p" => &["p"],
        _ => &[],
    }
}

/// The element on the page for one that a text writes: obsolete ones have successors.
pub(super) fn successor(name: &'static str) -> &'static str {
    match name {
        "center" => "div",
        "picture" => "span",
        "strike" => "s",
        "tt" => "code",
        _ => name,
    }
}
