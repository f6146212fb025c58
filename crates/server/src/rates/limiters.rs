//! All limits together.

use super::actions::ActionRates;
use super::caller::Callers;
use super::failures::FailedLogins;
use super::pages::PageRate;
use super::pulls::PullLimits;
use super::throttle::Scope;
use crate::config::Config;
use roadstead_registry::Installation;

#[derive(Debug)]
pub(crate) struct Limiters {
    pub(crate) actions: ActionRates,
    pub(crate) pulls: PullLimits,
    /// Failed attempts to authenticate, by address and by key.
    pub(crate) failed_logins: FailedLogins,
    pub(crate) pages: PageRate,
}

impl Limiters {
    pub(crate) fn new(config: &Config, installation: &Installation) -> Self {
        let callers = Callers::new(installation.derive_key("callers of limits"));
        let is_shared = installation.is_shared();
        let (anonymous, accounts) = (config.pull_rate_anonymous, config.pull_rate_authenticated);
        Self {
            actions: ActionRates::new(&config.rates, callers.clone(), is_shared),
            pulls: PullLimits::new(anonymous, accounts, config.pull_volume, callers.clone(), is_shared),
            failed_logins: FailedLogins::new(config.failed_login_rate, callers.clone(), is_shared),
            pages: PageRate::new(config.gallery.rate, callers, is_shared),
        }
    }

    pub(super) fn throttles(&self) -> impl Iterator<Item = Scope<'_>> {
        self.actions.throttles().chain(self.pulls.throttles()).chain(self.failed_logins.throttles()).chain(self.pages.throttles())
    }
}
