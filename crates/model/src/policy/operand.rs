//! The values that condition operators compare with: texts, ARNs, numbers, dates, booleans, bytes, networks.
//!
//! Source: IAM user guide, "IAM JSON policy elements: Condition operators".

use super::bits::count;
use super::context::RequestContext;
use super::error::StatementError;
use super::scalar::{boolean, date, number};
use super::template::{Reading, Template};
use super::text::Text;
use super::wildcard::Pattern;
use crate::network::parse_network;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ipnet::IpNet;
use std::borrow::Cow;
use std::cmp::Ordering;
use std::net::IpAddr;

/// The comparison of a numeric or date operator.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Relation {
    Equal,
    Less,
    LessOrEqual,
    Greater,
    GreaterOrEqual,
}

/// The type of value that an operator compares.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    TextIgnoreCase,
    TextLike,
    Arn,
    Number(Relation),
    Date(Relation),
    Bool,
    Binary,
    Network,
}

/// One value of a condition, parsed.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Operand {
    Text(Template),
    TextIgnoreCase(Template),
    Arn(Template),
    Number(Relation, f64),
    Date(Relation, i64),
    Bool(bool),
    /// The base64 text, which is canonical: equal bytes have equal texts.
    Binary(String),
    Network(IpNet),
}

impl Relation {
    fn holds(self, ordering: Option<Ordering>) -> bool {
        ordering.is_some_and(|ordering| match self {
            Self::Equal => ordering.is_eq(),
            Self::Less => ordering.is_lt(),
            Self::LessOrEqual => ordering.is_le(),
            Self::Greater => ordering.is_gt(),
            Self::GreaterOrEqual => ordering.is_ge(),
        })
    }
}

impl Operand {
    /// Parses a value as `kind`; returns `None` if it is not of that kind. A value that can never match is rejected when the
    /// policy is set, because a `Deny` with it would silently never apply.
    pub(super) fn parse(kind: Kind, text: &str, variables: bool) -> Result<Option<Self>, StatementError> {
        let template = |wildcards| Template::parse(text, Reading { variables, wildcards });
        Ok(match kind {
            Kind::Text => Some(Self::Text(template(false)?)),
            Kind::TextLike => Some(Self::Text(template(true)?)),
            Kind::TextIgnoreCase => Some(Self::TextIgnoreCase(template(false)?)),
            Kind::Arn => Some(Self::Arn(template(true)?)),
            Kind::Number(relation) => number(text).map(|number| Self::Number(relation, number)),
            Kind::Date(relation) => date(text).map(|date| Self::Date(relation, date)),
            Kind::Bool => boolean(text).map(Self::Bool),
            Kind::Binary => STANDARD.decode(text).is_ok().then(|| Self::Binary(text.to_owned())),
            Kind::Network => parse_network(text).map(Self::Network),
        })
    }

    /// Substitutes the variables. Returns `None` if a variable has no value, which leaves the outcome unknown.
    pub(super) fn resolve(&self, context: &RequestContext) -> Option<Resolved<'_>> {
        Some(match self {
            Self::Text(template) => Resolved::Text(template.resolve(context)?),
            Self::TextIgnoreCase(template) => Resolved::TextIgnoreCase(template.resolve(context)?),
            Self::Arn(template) => Resolved::Arn(template.resolve(context)?),
            other => Resolved::Fixed(other),
        })
    }
}

/// An operand with its variables substituted, to be compared with each value of the request.
pub(super) enum Resolved<'a> {
    Text(Cow<'a, Pattern>),
    TextIgnoreCase(Cow<'a, Pattern>),
    Arn(Cow<'a, Pattern>),
    Fixed(&'a Operand),
}

impl Resolved<'_> {
    pub(super) fn matches(&self, value: &Text) -> bool {
        count(1);
        match self {
            Self::Text(pattern) => pattern.matches(value),
            Self::TextIgnoreCase(pattern) => value.get().is_some_and(|text| pattern.is_in_any_case(text)),
            Self::Arn(pattern) => pattern.matches_arn(value),
            Self::Fixed(Operand::Number(relation, operand)) => {
                value.scalars().number.is_some_and(|value| relation.holds(value.partial_cmp(operand)))
            }
            Self::Fixed(Operand::Date(relation, operand)) => {
                value.scalars().date.is_some_and(|value| relation.holds(value.partial_cmp(operand)))
            }
            Self::Fixed(Operand::Bool(operand)) => value.get().and_then(boolean) == Some(*operand),
            Self::Fixed(Operand::Binary(operand)) => value.get() == Some(operand),
            Self::Fixed(Operand::Network(network)) => value.scalars().address.is_some_and(|address| contains(*network, address)),
            Self::Fixed(Operand::Text(_) | Operand::TextIgnoreCase(_) | Operand::Arn(_)) => false,
        }
    }
}

/// Whether an address is in a network. IPv4 written as IPv6 (`::ffff:192.0.2.1`, as dual-stack sockets report it) is IPv4.
fn contains(network: IpNet, address: IpAddr) -> bool {
    let address = if network.addr().is_ipv4() { address.to_canonical() } else { address };
    network.contains(&address)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_network_contains_its_addresses_only() {
        for (network, address, expected) in [
            ("203.0.113.0/24", "203.0.113.255", true),
            ("203.0.113.7/24", "203.0.113.1", true),
            ("203.0.113.0/24", "203.0.114.0", false),
            ("203.0.113.5", "203.0.113.5", true),
            ("203.0.113.5", "203.0.113.6", false),
            ("0.0.0.0/0", "255.255.255.255", true),
            ("0.0.0.0/0", "2001:db8::1", false),
            ("203.0.113.0/24", "::ffff:203.0.113.9", true),
            ("2001:db8:1234::/48", "2001:db8:1234:ffff::1", true),
            ("2001:db8:1234::/48", "2001:db8:1235::1", false),
            ("::/0", "2001:db8::1", true),
            ("::1", "::1", true),
            ("::1/128", "::2", false),
        ] {
            let read = parse_network(network).expect(network);
            assert_eq!(contains(read, address.parse().expect(address)), expected, "{network} {address}");
        }
    }
}
