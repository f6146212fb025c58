//! Aliases of registries.

use crate::RegistryAlias;

/// A registry alias.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasDescription {
    /// The alias.
    pub name: RegistryAlias,
    /// Whether it may be used.
    pub status: AliasStatus,
    /// Whether repository URIs show it.
    pub primary: bool,
    /// Whether it is the one that the registry was given at first.
    pub default: bool,
}

impl AliasDescription {
    /// A new alias: in use, and nothing more.
    pub fn new(name: RegistryAlias) -> Self {
        Self { name, status: AliasStatus::Active, primary: false, default: false }
    }

    /// The same with this status, if there is one, and with these marks in addition to those that it has.
    pub fn changed(self, status: Option<AliasStatus>, primary: bool, default: bool) -> Self {
        let Self { name, status: old, primary: was_primary, default: was_default } = self;
        Self { name, status: status.unwrap_or(old), primary: primary || was_primary, default: default || was_default }
    }
}

/// The state of an alias (Amazon ECR Public API, `RegistryAliasStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasStatus {
    /// In use.
    Active,
    /// Asked for, not granted yet.
    Pending,
    /// Asked for and not granted.
    Rejected,
}

impl AliasStatus {
    /// As the API writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
        }
    }

    /// Reads what [`Self::as_str`] writes.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let all = [Self::Active, Self::Pending, Self::Rejected];
        all.into_iter().find(|status| status.as_str() == text).ok_or("no alias status")
    }
}
