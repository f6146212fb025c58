//! Names and values as lists of facts show them.

use roadstead_model::gallery::excerpt::Allowance;
use roadstead_model::gallery::link::web_or_mail_address;

/// The most values of a fact that are shown.
const MOST_VALUES: usize = 100;

/// A name with its values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fact {
    pub(super) name: &'static str,
    pub(super) values: Vec<Value>,
    /// How many more values there are.
    pub(super) left_out: usize,
    /// Whether the values are code.
    pub(super) is_code: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Value {
    pub(super) text: String,
    /// An address that may be linked.
    pub(super) href: Option<String>,
}

/// Collects facts. Absent and empty values leave no fact.
#[derive(Debug)]
pub(super) struct Facts<'a> {
    pub(super) allowance: &'a mut Allowance,
    facts: Vec<Fact>,
}

impl<'a> Facts<'a> {
    pub(super) fn new(allowance: &'a mut Allowance) -> Self {
        Self { allowance, facts: Vec::new() }
    }

    pub(super) fn text(&mut self, name: &'static str, text: Option<&str>) {
        self.add(name, false, text.as_slice().iter(), |text| (text, None));
    }

    pub(super) fn texts(&mut self, name: &'static str, texts: &[String]) {
        self.add(name, false, texts.iter(), |text| (text, None));
    }

    /// An address, linked if it may be.
    pub(super) fn link(&mut self, name: &'static str, address: Option<&str>) {
        self.add(name, false, address.as_slice().iter(), |address| (address, Some(address)));
    }

    pub(super) fn links(&mut self, name: &'static str, addresses: &[String]) {
        self.add(name, false, addresses.iter(), |address| (address, Some(address)));
    }

    pub(super) fn code(&mut self, name: &'static str, code: Option<&str>) {
        self.add(name, true, code.as_slice().iter(), |code| (code, None));
    }

    pub(super) fn codes(&mut self, name: &'static str, codes: &[String]) {
        self.add(name, true, codes.iter(), |code| (code, None));
    }

    /// Texts with an address each.
    pub(super) fn linked(&mut self, name: &'static str, items: &[(String, Option<String>)]) {
        self.add(name, false, items.iter(), |(text, address)| (text, address.as_deref()));
    }

    pub(super) fn finish(self) -> Vec<Fact> {
        self.facts
    }

    fn add<'v, T: 'v>(
        &mut self,
        name: &'static str,
        is_code: bool,
        items: impl ExactSizeIterator<Item = &'v T>,
        parts: impl Fn(&'v T) -> (&'v str, Option<&'v str>),
    ) {
        let taken = self.allowance.list(MOST_VALUES, items, |allowance, item| {
            let (text, address) = parts(item);
            Value { text: allowance.text(text), href: address.and_then(web_or_mail_address).map(str::to_owned) }
        });
        if !taken.is_empty() {
            self.facts.push(Fact { name, values: taken.items, left_out: taken.left_out, is_code });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_values_that_exist_make_a_fact_and_only_safe_addresses_a_link() {
        let mut allowance = Allowance::new(1000);
        let mut facts = Facts::new(&mut allowance);
        facts.text("Absent", None);
        facts.texts("Empty", &[]);
        facts.link("Source", Some("https://git.example/x"));
        facts.link("Website", Some("javascript:alert(1)"));
        let shown: Vec<_> = facts.finish().into_iter().map(|fact| (fact.name, fact.values[0].href.clone())).collect();
        assert_eq!(shown, [("Source", Some("https://git.example/x".to_owned())), ("Website", None)]);
    }

    #[test]
    fn a_long_list_is_cut() {
        let mut allowance = Allowance::new(1 << 20);
        let mut facts = Facts::new(&mut allowance);
        facts.codes("Environment", &vec!["A=1".to_owned(); MOST_VALUES + 5]);
        let fact = &facts.finish()[0];
        assert_eq!((fact.values.len(), fact.left_out, fact.is_code), (MOST_VALUES, 5, true));
    }
}
