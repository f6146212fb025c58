//! The certificates in use. Every server serves those that are stored; the leader orders those that are missing or soon expire.

mod authority;
mod directory;
mod outages;
mod schedule;

use crate::server::Server;
use crate::tls::Tls;
use authority::{Authority, OrderError};
use outages::Outages;
use roadstead_model::Timestamp;
use roadstead_registry::{CertificateState, Result};
use std::time::Duration;
use tokio::time::Instant;

pub(crate) use authority::check;

/// How often a server looks for certificates that another one has stored, and the leader for those to order.
const CHECK: Duration = Duration::from_secs(10);

/// When a contact that could not be told is told again.
const CONTACT: Duration = Duration::from_secs(60 * 60);

/// Serves the stored certificates, and warns of what clients will not accept.
pub(crate) async fn load(server: &Server) {
    let Some(tls) = &server.tls else { return };
    if let Err(error) = take_over(server, tls).await {
        tracing::error!(%error, "the stored certificates cannot be read: it is retried");
    }
    publish(server, tls);
    for domain in &server.config.acme.domains {
        if tls.certificate_for(domain).is_none() {
            tracing::warn!(domain, "there is no certificate yet: TLS handshakes fail until the certificate authority has issued one");
        }
    }
}

/// Follows the files of the certificate, or what other servers have stored. Never returns if there are certificates.
pub(super) async fn follow(server: &Server) {
    let Some(tls) = &server.tls else { return };
    tls.follow_files(|| publish(server, tls)).await;
    let mut failed = false;
    loop {
        tokio::time::sleep(CHECK).await;
        let taken_over = take_over(server, tls).await;
        if let (Err(error), false) = (&taken_over, failed) {
            tracing::error!(%error, "the stored certificates cannot be read: it is retried");
        }
        failed = taken_over.is_err();
    }
}

/// Orders certificates as long as this server leads. Never returns if an authority issues them.
pub(super) async fn order(server: &Server) {
    let Some(tls) = server.tls.as_ref().filter(|_| !server.config.acme.domains.is_empty()) else { return };
    let mut outages = Outages::default();
    let (mut failed, mut contact_due) = (false, Some(Instant::now()));
    loop {
        if contact_due.is_some_and(|due| due <= Instant::now()) {
            contact_due = update_contact(server).await;
        }
        let ordered = order_what_is_due(server, tls, &mut outages).await;
        if let (Err(error), false) = (&ordered, failed) {
            tracing::error!(%error, "certificates cannot be ordered: it is retried");
        }
        failed = ordered.is_err();
        tokio::time::sleep(CHECK).await;
    }
}

/// Tells the authority a new email address. Returns when to try again, if that failed.
async fn update_contact(server: &Server) -> Option<Instant> {
    match Authority::of(&server.config.acme, &server.installation).update_contact().await {
        Ok(()) => None,
        Err(OrderError::Unreachable(error) | OrderError::Unusable(error) | OrderError::RateLimited(error) | OrderError::Failed(error)) => {
            tracing::warn!(error, "the certificate authority could not be told the new --acme-email: it is retried in an hour");
            Some(Instant::now() + CONTACT)
        }
    }
}

async fn order_what_is_due(server: &Server, tls: &Tls, outages: &mut Outages) -> Result<()> {
    take_over(server, tls).await?;
    let states = server.installation.certificate_states(&server.config.acme.directory).await?;
    for domain in &server.config.acme.domains {
        let state = states.iter().find(|state| state.domain == *domain);
        let renewal = tls.certificate_for(domain).map(|certificate| schedule::renewal(&certificate));
        let due = renewal.unwrap_or(Timestamp::from_seconds(0)).max(state.map_or(Timestamp::from_seconds(0), |state| state.retry_at));
        if due <= server.installation.now() {
            order_one(server, tls, domain, state, outages).await?;
        }
    }
    Ok(())
}

async fn order_one(server: &Server, tls: &Tls, domain: &str, state: Option<&CertificateState>, outages: &mut Outages) -> Result<()> {
    let (installation, directory) = (&server.installation, &server.config.acme.directory);
    let before = state.map_or(0, |state| state.attempts);
    let pause = schedule::after_attempts(before + 1, installation.id(), domain);
    let postpone = async |attempts, pause| {
        let retry_at = installation.now().plus_seconds(pause);
        installation.put_order_attempts(directory, domain, attempts, retry_at).await.map(|()| retry_at.to_rfc3339())
    };
    // Before the order, so that one that ends this process counts as well.
    let mut retry_at = postpone(before + 1, pause).await?;
    let issued = Authority::of(&server.config.acme, installation).order(domain).await;
    let error = match issued.and_then(|pem| tls.read(&pem).map(|certificate| (pem, certificate)).map_err(OrderError::Failed)) {
        Ok((pem, certificate)) => {
            installation.put_certificate(directory, domain, &pem).await?;
            outages.end(domain);
            server.telemetry.certificate_ordered(true);
            let expires = Timestamp::from_seconds(certificate.not_after).to_rfc3339();
            tracing::info!(domain, expires, "a certificate was issued");
            if schedule::renewal(&certificate) <= installation.now() {
                let retry_at = postpone(before + 1, pause).await?;
                tracing::warn!(domain, expires, retry_at, "the new certificate is due for renewal already: is the clock right?");
            }
            return take_over(server, tls).await;
        }
        Err(error) => error,
    };
    let expires = tls.certificate_for(domain).map(|certificate| Timestamp::from_seconds(certificate.not_after).to_rfc3339());
    match error {
        OrderError::Unreachable(error) => {
            retry_at = postpone(before, schedule::after_outages(outages.count(domain))).await?;
            if outages.is_news(domain, &error, Instant::now()) {
                tracing::warn!(domain, directory, error, retry_at, expires, "the certificate authority cannot be reached: it is retried");
            }
        }
        OrderError::Unusable(error) => {
            retry_at = postpone(before, schedule::after_outages(outages.count(domain))).await?;
            if outages.is_news(domain, &error, Instant::now()) {
                let what = "the certificate authority cannot be used: check --acme-directory and --acme-ca-file";
                tracing::error!(domain, directory, error, retry_at, expires, "{what}");
            }
        }
        OrderError::RateLimited(error) => {
            outages.end(domain);
            server.telemetry.certificate_ordered(false);
            retry_at = postpone(before + 1, pause.max(schedule::AFTER_RATE_LIMIT)).await?;
            tracing::error!(
                domain,
                error,
                retry_at,
                expires,
                "the certificate authority has issued too many certificates or seen too many failures"
            );
        }
        OrderError::Failed(error) => {
            outages.end(domain);
            server.telemetry.certificate_ordered(false);
            tracing::error!(
                domain,
                error,
                retry_at,
                expires,
                "no certificate was issued: it is retried, also after a restart, at retry_at"
            );
        }
    }
    Ok(())
}

/// Serves the stored certificates that are not in use yet.
async fn take_over(server: &Server, tls: &Tls) -> Result<()> {
    let acme = &server.config.acme;
    if acme.domains.is_empty() {
        return Ok(());
    }
    let states = server.installation.certificate_states(&acme.directory).await?;
    let is_new = |state: &&CertificateState| {
        acme.domains.contains(&state.domain) && state.issued > 0 && tls.number_for(&state.domain) != Some(state.issued)
    };
    for CertificateState { domain, issued, .. } in states.iter().filter(is_new) {
        let Some(pem) = server.installation.certificate(&acme.directory, domain).await? else { continue };
        match tls.read(&pem) {
            Ok(certificate) => tls.serve_for(domain, *issued, certificate),
            Err(reason) => tracing::error!(domain, reason, "a stored certificate cannot be used"),
        }
        publish(server, tls);
    }
    Ok(())
}

/// Tells operators about the certificates in use.
fn publish(server: &Server, tls: &Tls) {
    let (certificates, now) = (tls.certificates(), server.installation.now().seconds());
    server.telemetry.certificates(certificates.iter().map(|certificate| (certificate.name.clone(), certificate.not_after)));
    for certificate in &certificates {
        if let Some(objection) = certificate.objection(now) {
            let expires = Timestamp::from_seconds(certificate.not_after).to_rfc3339();
            tracing::warn!(domain = certificate.name, expires, "{objection}");
        }
    }
}
