//! Aliases of registries.

use crate::name::RegistryAlias;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AliasDescription {
    pub name: RegistryAlias,
    pub status: AliasStatus,
    /// Whether repository URIs show this alias.
    pub primary: bool,
    /// Whether this is the alias assigned to the registry first.
    pub default: bool,
}

impl AliasDescription {
    /// An active alias, neither primary nor default.
    pub fn new(name: RegistryAlias) -> Self {
        Self { name, status: AliasStatus::Active, primary: false, default: false }
    }

    /// Sets `status` if given, and adds the given flags; flags are never cleared.
    pub fn changed(self, status: Option<AliasStatus>, primary: bool, default: bool) -> Self {
        let Self { name, status: old, primary: was_primary, default: was_default } = self;
        Self { name, status: status.unwrap_or(old), primary: primary || was_primary, default: default || was_default }
    }
}

/// The state of an alias (Amazon ECR Public API, `RegistryAliasStatus`).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AliasStatus {
    /// Resolves to the registry.
    Active,
    /// Requested, not granted yet.
    Pending,
    /// Requested and denied.
    Rejected,
}

impl AliasStatus {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "ACTIVE",
            Self::Pending => "PENDING",
            Self::Rejected => "REJECTED",
        }
    }

    /// Parses the output of [`Self::as_str`].
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let all = [Self::Active, Self::Pending, Self::Rejected];
        all.into_iter().find(|status| status.as_str() == text).ok_or("no alias status")
    }
}
