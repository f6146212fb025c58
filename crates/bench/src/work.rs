//! A shape made ready on one target: what a connection does, again and again.

use crate::client::{Ask, Client};
use crate::content::{MANIFEST, Repository, tag};
use crate::failure::Result;
use crate::login;
use crate::payload::Blobs;
use crate::shape::{How, Into, Shape};
use crate::target::{Kind, Target};
use http::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// How many tags `spread` goes through.
const SPREAD: u64 = 1000;
/// Entries of a page.
const PAGE: u64 = 100;

/// What a connection does.
pub(crate) enum Work {
    /// One of these requests after the other.
    Asks(Vec<Ask>),
    /// A push of something new.
    Push(Push),
    /// Three of the first for one of the second.
    Mixed(Ask, Push),
}

/// A push.
pub(crate) struct Push {
    repository: Repository,
    blobs: Blobs,
    how: How,
    image: bool,
    /// Part of every name that this run makes, so that another run makes others.
    run: u64,
    fresh: bool,
    count: AtomicU64,
}

impl Work {
    /// Makes sure of the content that the shape needs.
    pub(crate) async fn prepare(target: &Target, shape: Shape) -> Result<Self> {
        Ok(match shape {
            Shape::Manifest { head, tags, spread } => Self::Asks(manifests(target, head, tags, spread).await?),
            Shape::BlobHead => Self::Asks(vec![blob(target, Method::HEAD, 4 * KIB).await?]),
            Shape::BlobGet { size } => Self::Asks(vec![blob(target, Method::GET, size).await?]),
            Shape::BlobRange { size } => {
                let whole = blob(target, Method::GET, size).await?;
                let range =
                    |start: u64| whole.clone().expect(&[206]).with("range", &format!("bytes={start}-{}", size.min(start + MIB) - 1));
                Self::Asks((0..size).step_by(MIB as usize).map(range).collect())
            }
            Shape::Push { size, into: Into::Fresh, how } => Self::Push(Push::new(target, "bench/fresh", size, how, true, true).await?),
            Shape::Push { size, into: Into::One { tags }, how } => {
                let name = format!("bench/push-{tags}");
                let push = Push::new(target, &name, size, how, true, false).await?;
                push.repository.fill_tags(tags).await?;
                Self::Push(push)
            }
            Shape::Upload { size, how } => Self::Push(Push::new(target, "bench/incoming", size, how, false, false).await?),
            Shape::Tags { count } => {
                let (repository, middle) = with_tags(target, count).await?;
                Self::Asks(vec![Ask::get(repository.path(&format!("tags/list?n={PAGE}&last={}", tag(middle))))])
            }
            Shape::Referrers { count } => {
                let repository = Repository::open(target, &format!("bench/referrers-{count}")).await?;
                let subject = repository.fill_referrers(count).await?;
                Self::Asks(vec![Ask::get(repository.path(&format!("referrers/{subject}")))])
            }
            Shape::Catalog { count } => {
                let repository = Repository::open(target, "bench/catalog").await?;
                repository.fill_repositories(count).await?;
                let middle = format!("{}/{}", repository.name, tag(count / 2));
                Self::Asks(vec![Ask::get(format!("/v2/_catalog?n={PAGE}&last={}", middle.replace('/', "%2F")))])
            }
            Shape::DescribeTags { count } => Self::Asks(vec![describe_tags(target, count).await?]),
            Shape::Mixed => {
                let pull = manifests(target, false, 1, false).await?.swap_remove(0);
                Self::Mixed(pull, Push::new(target, "bench/mixed", 4 * KIB, How::Put, true, false).await?)
            }
        })
    }

    /// Does it once; `turn` counts up. Gives the number of bytes of content that went over the wire.
    pub(crate) async fn perform(&self, client: &mut Client, turn: u64) -> Result<u64> {
        match self {
            Self::Asks(asks) => Ok(client.drain(asks[turn as usize % asks.len()].clone()).await?.length),
            Self::Push(push) => push.perform(client).await,
            Self::Mixed(_, push) if turn % 4 == 3 => push.perform(client).await,
            Self::Mixed(pull, _) => Ok(client.drain(pull.clone()).await?.length),
        }
    }
}

impl Push {
    async fn new(target: &Target, repository: &str, size: u64, how: How, image: bool, fresh: bool) -> Result<Self> {
        let repository = Repository::open(target, repository).await?;
        Ok(Self { repository, blobs: Blobs::new(size)?, how, image, run: getrandom::u64()?, fresh, count: AtomicU64::new(0) })
    }

    async fn perform(&self, client: &mut Client) -> Result<u64> {
        let blob = self.blobs.next();
        if !self.image {
            return self.repository.push_blob(client, &blob, self.how).await;
        }
        let name = format!("p{:016x}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed));
        let fresh = self.fresh.then(|| self.repository.below(&name));
        fresh.as_ref().unwrap_or(&self.repository).push_image(client, &name, &blob, self.how).await
    }
}

/// A repository with `count` tags, and the number of one in its middle.
async fn with_tags(target: &Target, count: u64) -> Result<(Repository, u64)> {
    let repository = Repository::open(target, &format!("bench/tags-{count}")).await?;
    if target.kind == Kind::Registry {
        repository.fill_tags(count).await?;
    }
    Ok((repository, count / 2))
}

async fn manifests(target: &Target, head: bool, tags: u64, spread: bool) -> Result<Vec<Ask>> {
    let (repository, middle) = with_tags(target, tags).await?;
    let numbers = if spread { (0..tags).step_by((tags / SPREAD).max(1) as usize).collect() } else { vec![middle] };
    let method = if head { Method::HEAD } else { Method::GET };
    let ask = |number| Ask::new(method.clone(), repository.path(&format!("manifests/{}", tag(number)))).with("accept", MANIFEST);
    Ok(numbers.into_iter().map(ask).collect())
}

/// A request for a new blob of this size, the layer of an image.
async fn blob(target: &Target, method: Method, size: u64) -> Result<Ask> {
    let repository = Repository::open(target, "bench/content").await?;
    let blob = Blobs::new(size)?.next();
    match target.kind {
        Kind::Registry => repository.push_image(&mut repository.client(), &format!("layer-{size}"), &blob, How::Put).await?,
        Kind::Files(_) => repository.push_blob(&mut repository.client(), &blob, How::Put).await?,
        Kind::Fixed => 0,
    };
    Ok(Ask::new(method, repository.path(&format!("blobs/{}", blob.digest))))
}

async fn describe_tags(target: &Target, count: u64) -> Result<Ask> {
    let (repository, middle) = with_tags(target, count).await?;
    let name = repository.name.strip_prefix(&target.prefix).unwrap_or(&repository.name);
    let request = |page: u64, token: Option<&str>| json!({ "repositoryName": name, "maxResults": page, "nextToken": token });
    let mut first = request(middle.clamp(1, 1000), None);
    // A page that begins at the beginning has no token, and a null is no string.
    first.as_object_mut().map(|members| members.remove("nextToken"));
    let answer = repository.client().ask(login::signed(target, "DescribeImageTags", first.to_string())?).await?;
    let answer: Value = serde_json::from_slice(&answer.body)?;
    login::signed(target, "DescribeImageTags", request(PAGE, answer["nextToken"].as_str()).to_string())
}
