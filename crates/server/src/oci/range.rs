//! Ranges of blobs: `Range` of GET (RFC 9110, section 14), and `Content-Range` of chunks (OCI distribution specification,
//! "Pushing a blob in chunks").

/// Requests for more ranges are answered with the whole blob, as RFC 9110 allows.
const MAXIMUM_PARTS: usize = 64;

/// An inclusive range of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) start: u64,
    pub(super) end: u64,
}

/// The requested part of a blob.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Selection {
    /// There is no range, or it is malformed and therefore ignored.
    Whole,
    /// One or more ranges that do not overlap.
    Parts(Vec<Span>),
    /// No range intersects the blob.
    Unsatisfiable,
}

/// A range as written, before it is clamped to the size of the blob.
enum Spec {
    From(u64, u64),
    Suffix(u64),
    /// The last byte comes before the first.
    Reversed,
}

impl Span {
    pub(super) const fn length(self) -> u64 {
        self.end.saturating_sub(self.start).saturating_add(1)
    }

    fn touches(self, other: Self) -> bool {
        self.start <= other.end && other.start <= self.end
    }
}

/// Parses a `Range` header for a blob of `size` bytes.
pub(super) fn select(header: &str, size: u64) -> Selection {
    let Some(specs) = parse_specs(header) else { return Selection::Whole };
    let mut spans = Vec::new();
    for spec in specs {
        match spec {
            // RFC 9110 allows ignoring or refusing this. The conformance suite requires refusal.
            Spec::Reversed => return Selection::Unsatisfiable,
            Spec::From(start, end) if start < size => spans.push(Span { start, end: end.min(size - 1) }),
            // An empty range has no `Content-Range`.
            Spec::From(0, _) | Spec::Suffix(1..) if size == 0 => return Selection::Whole,
            Spec::Suffix(length) if length > 0 => spans.push(Span { start: size.saturating_sub(length), end: size - 1 }),
            Spec::From(..) | Spec::Suffix(_) => {}
        }
    }
    if spans.is_empty() { Selection::Unsatisfiable } else { Selection::Parts(without_overlaps(spans)) }
}

fn parse_specs(header: &str) -> Option<Vec<Spec>> {
    let (unit, list) = header.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") {
        return None;
    }
    let specs = list.split(',').map(str::trim).filter(|spec| !spec.is_empty());
    let specs: Option<Vec<Spec>> = specs.take(MAXIMUM_PARTS + 1).map(parse_spec).collect();
    specs.filter(|specs| (1..=MAXIMUM_PARTS).contains(&specs.len()))
}

fn parse_spec(text: &str) -> Option<Spec> {
    let (first, last) = text.split_once('-')?;
    match (first, last) {
        ("", length) => number(length).map(Spec::Suffix),
        (first, "") => number(first).map(|first| Spec::From(first, u64::MAX)),
        (first, last) => {
            let (first, last) = (number(first)?, number(last)?);
            Some(if first <= last { Spec::From(first, last) } else { Spec::Reversed })
        }
    }
}

/// Merges ranges and sorts them by offset if any overlap. Otherwise keeps the order of the client.
fn without_overlaps(mut spans: Vec<Span>) -> Vec<Span> {
    let overlapping = (1..spans.len()).any(|at| spans[..at].iter().any(|earlier| earlier.touches(spans[at])));
    if !overlapping {
        return spans;
    }
    spans.sort_by_key(|span| span.start);
    let mut merged: Vec<Span> = Vec::with_capacity(spans.len());
    for span in spans {
        match merged.last_mut() {
            Some(last) if last.touches(span) => last.end = last.end.max(span.end),
            _ => merged.push(span),
        }
    }
    merged
}

/// Parses the `Content-Range` of a chunk: `<start>-<end>`, inclusive, without unit and total.
pub(super) fn parse_chunk(header: &str) -> Option<Span> {
    let (start, end) = header.split_once('-')?;
    let span = Span { start: number(start)?, end: number(end)? };
    (span.start <= span.end).then_some(span)
}

/// `bytes 0-99/1000` (RFC 9110, section 14.4).
pub(super) fn content_range(span: Span, size: u64) -> String {
    format!("bytes {}-{}/{size}", span.start, span.end)
}

/// The inclusive `Range` of an upload session. It is `0-0` even if nothing was received, as clients expect (OCI distribution
/// specification, "Pushing a blob in chunks").
pub(super) fn received_range(received: u64) -> String {
    format!("0-{}", received.saturating_sub(1))
}

/// Parses decimal digits. Overflow saturates.
fn number(text: &str) -> Option<u64> {
    (!text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())).then(|| text.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn parts(spans: &[(u64, u64)]) -> Selection {
        Selection::Parts(spans.iter().map(|&(start, end)| Span { start, end }).collect())
    }

    #[test]
    fn a_range_is_single_open_suffix_or_clamped() {
        for (header, expected) in [
            ("bytes=500-1499", parts(&[(500, 1499)])),
            ("bytes=500-", parts(&[(500, 2047)])),
            ("bytes=-500", parts(&[(1548, 2047)])),
            ("bytes=-5000", parts(&[(0, 2047)])),
            ("bytes=2000-5000", parts(&[(2000, 2047)])),
            ("Bytes = 0-0 ", parts(&[(0, 0)])),
            ("bytes=0-99999999999999999999999", parts(&[(0, 2047)])),
            ("bytes=500-0", Selection::Unsatisfiable),
            ("bytes=2048-", Selection::Unsatisfiable),
            ("bytes=5000-10000", Selection::Unsatisfiable),
            ("bytes=-0", Selection::Unsatisfiable),
        ] {
            assert_eq!(select(header, 2048), expected, "{header}");
        }
    }

    #[test]
    fn several_ranges_keep_their_order_unless_they_overlap() {
        assert_eq!(select("bytes=10-19, 0-4", 100), parts(&[(10, 19), (0, 4)]));
        assert_eq!(select("bytes=10-19,15-30,0-0", 100), parts(&[(0, 0), (10, 30)]));
        assert_eq!(select("bytes=0-0,500-600,-1", 100), parts(&[(0, 0), (99, 99)]));
    }

    #[test]
    fn what_is_not_understood_is_ignored() {
        for header in ["", "bytes", "bytes=", "bytes=-", "bytes=a-b", "lines=1-2", "bytes=1-2-3", "bytes=+1-2", "bytes=1-2,x"] {
            assert_eq!(select(header, 100), Selection::Whole, "{header}");
        }
        assert_eq!(select(&format!("bytes={}", "0-0,".repeat(65)), 100), Selection::Whole);
    }

    #[test]
    fn an_empty_blob_is_answered_whole_to_who_asks_from_its_start_or_its_end() {
        assert_eq!(select("bytes=0-", 0), Selection::Whole);
        assert_eq!(select("bytes=0-9", 0), Selection::Whole);
        assert_eq!(select("bytes=-5", 0), Selection::Whole);
        for header in ["bytes=1-", "bytes=-0", "bytes=5-4"] {
            assert_eq!(select(header, 0), Selection::Unsatisfiable, "{header}");
        }
    }

    #[test]
    fn a_chunk_is_two_numbers_and_a_hyphen() {
        assert_eq!(parse_chunk("0-99"), Some(Span { start: 0, end: 99 }));
        assert_eq!(parse_chunk("5-5").map(Span::length), Some(1));
        for bad in ["", "-", "0-", "-5", "9-0", "bytes 0-99/100", "0-99/100", " 0-99", "0 - 99", "+0-99", "a-b"] {
            assert_eq!(parse_chunk(bad), None, "{bad}");
        }
    }

    proptest! {
        #[test]
        fn every_part_lies_within_the_blob(header in "bytes=([0-9]{0,4}-[0-9]{0,4},?){1,6}", size in 0u64..3000) {
            if let Selection::Parts(spans) = select(&header, size) {
                prop_assert!(spans.iter().all(|span| span.start <= span.end && span.end < size));
                prop_assert!(spans.iter().map(|span| span.length()).sum::<u64>() <= size);
            }
        }

        #[test]
        fn parsing_never_panics(text in "\\PC{0,40}", size in any::<u64>()) {
            let _ = select(&text, size);
            let _ = select(&format!("bytes={text}"), size);
            let _ = parse_chunk(&text);
        }
    }
}
