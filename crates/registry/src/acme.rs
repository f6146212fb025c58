//! What servers keep about certificates that an authority issues by itself (ACME): accounts, certificates with their keys, and answers
//! to challenges. Whatever is secret is sealed with the master key.

use crate::error::{Error, Result};
use crate::installation::Installation;
use crate::metadata::{FromRow, Row, Tx, params, statements};
use roadstead_model::Timestamp;

statements! {
    SELECT_ACCOUNT = "SELECT sealed FROM acme_account WHERE directory = ?1";
    PUT_ACCOUNT = "INSERT INTO acme_account (directory, sealed, created_at) VALUES (?1, ?2, ?3)
        ON CONFLICT (directory) DO UPDATE SET sealed = excluded.sealed, created_at = excluded.created_at";
    SELECT_STATES = "SELECT domain, issued, attempts, retry_at FROM acme_certificate WHERE directory = ?1 ORDER BY domain";
    SELECT_CERTIFICATE = "SELECT sealed FROM acme_certificate WHERE directory = ?1 AND domain = ?2";
    PUT_ATTEMPTS = "INSERT INTO acme_certificate (directory, domain, issued, attempts, retry_at) VALUES (?1, ?2, 0, ?3, ?4)
        ON CONFLICT (directory, domain) DO UPDATE SET attempts = excluded.attempts, retry_at = excluded.retry_at";
    PUT_CERTIFICATE = "UPDATE acme_certificate SET sealed = ?3, issued = issued + 1, attempts = 0 WHERE directory = ?1 AND domain = ?2";
    SELECT_CHALLENGE = "SELECT digest FROM acme_challenge WHERE domain = ?1 AND until > ?2";
    PUT_CHALLENGE = "INSERT INTO acme_challenge (domain, digest, until) VALUES (?1, ?2, ?3)
        ON CONFLICT (domain) DO UPDATE SET digest = excluded.digest, until = excluded.until";
    DELETE_CHALLENGE = "DELETE FROM acme_challenge WHERE domain = ?1";
}

/// How long the answer to a challenge is valid: longer than an order takes.
const CHALLENGE_SECONDS: i64 = 10 * 60;

/// How far the certificate of a domain has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CertificateState {
    pub domain: String,
    /// The number of certificates issued so far: another one means another certificate.
    pub issued: u64,
    /// The number of orders that have begun since the last one was issued.
    pub attempts: u64,
    /// When the next order may begin.
    pub retry_at: Timestamp,
}

impl Installation {
    /// The credentials of the account at an authority, as they were put.
    pub async fn acme_account(&self, directory: &str) -> Result<Option<Vec<u8>>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Vec<u8>>(&SELECT_ACCOUNT, params![directory]).await;
        self.0.metadata.read(select).await?.map(|sealed| self.unsealed(&account_of(directory), &sealed)).transpose()
    }

    /// Keeps the credentials of the account at an authority.
    pub async fn put_acme_account(&self, directory: &str, credentials: &[u8]) -> Result<()> {
        let sealed = self.0.secrets.seal(&account_of(directory), credentials)?;
        let (directory, now) = (directory.to_owned(), self.now());
        let put = async move |tx: &mut Tx<'_>| tx.execute(&PUT_ACCOUNT, params![directory, sealed, now]).await.map(drop);
        self.0.metadata.counting().write(put).await
    }

    /// The states of all certificates from an authority.
    pub async fn certificate_states(&self, directory: &str) -> Result<Vec<CertificateState>> {
        self.0.metadata.read(async |tx: &mut Tx<'_>| tx.query(&SELECT_STATES, params![directory]).await).await
    }

    /// The chain and the key for a domain, as they were put.
    pub async fn certificate(&self, directory: &str, domain: &str) -> Result<Option<Vec<u8>>> {
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Option<Vec<u8>>>(&SELECT_CERTIFICATE, params![directory, domain]).await;
        let sealed = self.0.metadata.read(select).await?.flatten();
        sealed.map(|sealed| self.unsealed(&certificate_of(directory, domain), &sealed)).transpose()
    }

    /// Records how many orders have begun since the last certificate was issued, and when the next one may begin.
    pub async fn put_order_attempts(&self, directory: &str, domain: &str, attempts: u64, retry_at: Timestamp) -> Result<()> {
        let (directory, domain) = (directory.to_owned(), domain.to_owned());
        let put = async move |tx: &mut Tx<'_>| tx.execute(&PUT_ATTEMPTS, params![directory, domain, attempts, retry_at]).await.map(drop);
        self.0.metadata.counting().write(put).await
    }

    /// Keeps the chain and the key that were issued for a domain, whose order has begun.
    pub async fn put_certificate(&self, directory: &str, domain: &str, pem: &[u8]) -> Result<()> {
        let sealed = self.0.secrets.seal(&certificate_of(directory, domain), pem)?;
        let (directory, domain) = (directory.to_owned(), domain.to_owned());
        let put = async move |tx: &mut Tx<'_>| tx.execute(&PUT_CERTIFICATE, params![directory, domain, sealed]).await.map(drop);
        self.0.metadata.counting().write(put).await
    }

    /// The answer to the challenge for a domain, if an order is in progress.
    pub async fn acme_challenge(&self, domain: &str) -> Result<Option<[u8; 32]>> {
        let now = self.now();
        let select = async |tx: &mut Tx<'_>| tx.query_one::<Vec<u8>>(&SELECT_CHALLENGE, params![domain, now]).await;
        Ok(self.0.metadata.read(select).await?.and_then(|digest| digest.try_into().ok()))
    }

    /// Lets all servers answer the challenge for a domain.
    pub async fn put_acme_challenge(&self, domain: &str, digest: [u8; 32]) -> Result<()> {
        let (domain, until) = (domain.to_owned(), self.now().plus_seconds(CHALLENGE_SECONDS));
        let put = async move |tx: &mut Tx<'_>| tx.execute(&PUT_CHALLENGE, params![domain, digest.to_vec(), until]).await.map(drop);
        self.0.metadata.counting().write_lazily(put).await
    }

    /// Forgets the challenge for a domain, whose order has ended.
    pub async fn delete_acme_challenge(&self, domain: &str) -> Result<()> {
        let domain = domain.to_owned();
        let delete = async move |tx: &mut Tx<'_>| tx.execute(&DELETE_CHALLENGE, params![domain]).await.map(drop);
        self.0.metadata.counting().write_lazily(delete).await
    }

    fn unsealed(&self, owner: &str, sealed: &[u8]) -> Result<Vec<u8>> {
        self.0.secrets.open(owner, sealed).ok_or_else(|| Error::Internal(format!("the {owner} was sealed with another master key")))
    }
}

/// Names the owner of sealed credentials.
fn account_of(directory: &str) -> String {
    format!("account at {directory}")
}

/// Names the owner of a sealed certificate.
fn certificate_of(directory: &str, domain: &str) -> String {
    format!("certificate for {domain} from {directory}")
}

impl FromRow for CertificateState {
    fn from_row(row: &Row<'_>) -> Result<Self> {
        let (domain, issued, attempts, retry_at): (String, u64, u64, Timestamp) = row.read()?;
        Ok(Self { domain, issued, attempts, retry_at })
    }
}
