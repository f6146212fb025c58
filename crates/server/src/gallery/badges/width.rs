//! The width of text in a badge.

/// The advance widths of Verdana for U+0020 to U+007E, in units of 1/2048 em.
#[rustfmt::skip]
const WIDTHS: [u32; 95] = [
    720, 806, 940, 1676, 1302, 2204, 1488, 550, 930, 930, 1302, 1676, 745, 930, 745, 930,
    1302, 1302, 1302, 1302, 1302, 1302, 1302, 1302, 1302, 1302, 930, 930, 1676, 1676, 1676, 1117,
    2048, 1400, 1404, 1430, 1578, 1295, 1177, 1588, 1539, 862, 931, 1419, 1140, 1726, 1532, 1612,
    1235, 1612, 1424, 1400, 1262, 1499, 1400, 2025, 1403, 1260, 1403, 930, 930, 930, 1676, 1302,
    1302, 1230, 1276, 1067, 1276, 1220, 720, 1276, 1296, 562, 705, 1212, 562, 1992, 1296, 1243,
    1276, 1276, 874, 1067, 807, 1296, 1212, 1676, 1212, 1212, 1076, 1300, 930, 1300, 1676,
];
/// The width of every other character: a full em.
const EM: u32 = 2048;
/// The size of a badge's text in pixels.
const FONT_SIZE: u32 = 11;

/// The width in pixels of a text in Verdana. A badge states it, so that a browser with another font spaces the text to fit.
pub(super) fn width(text: &str) -> u32 {
    let units = |letter: char| (u32::from(letter).checked_sub(0x20)).and_then(|at| WIDTHS.get(at as usize)).copied().unwrap_or(EM);
    let total = text.chars().map(units).fold(0, u32::saturating_add);
    total.saturating_mul(FONT_SIZE).div_ceil(EM)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_as_wide_as_its_characters() {
        assert_eq!(width(""), 0);
        // 807 + 1230 + 1276 units.
        assert_eq!(width("tag"), 18);
        assert_eq!(width("日本"), 22);
        assert_eq!(width("\u{7f}\u{0}"), 22);
        assert!(width("1.27.3") > width("1.27"));
    }
}
