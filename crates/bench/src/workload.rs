//! Prepares a shape on a target and performs its operations.

use crate::client::{Client, Request};
use crate::content::{MANIFEST, Repository, tag};
use crate::failure::Result;
use crate::login;
use crate::payload::Blobs;
use crate::shape::{Destination, Shape, UploadMode};
use crate::target::{Kind, Target};
use http::Method;
use serde_json::{Value, json};
use std::sync::atomic::{AtomicU64, Ordering};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;
/// The number of tags that `spread` requests in turn.
const SPREAD: u64 = 1000;
/// The number of entries per page.
const PAGE: u64 = 100;

/// The operation that a connection repeats.
pub(crate) enum Workload {
    /// These requests in turn.
    Requests(Vec<Request>),
    /// Pushes of new content.
    Push(Push),
    /// Three requests per push.
    Mixed(Request, Push),
}

pub(crate) struct Push {
    repository: Repository,
    blobs: Blobs,
    mode: UploadMode,
    image: bool,
    /// Part of every name created by this run, so that runs do not collide.
    run: u64,
    fresh: bool,
    count: AtomicU64,
}

impl Workload {
    /// Creates the content that the shape needs.
    pub(crate) async fn prepare(target: &Target, shape: Shape) -> Result<Self> {
        Ok(match shape {
            Shape::Manifest { head, tags, spread } => Self::Requests(manifests(target, head, tags, spread).await?),
            Shape::BlobHead => Self::Requests(vec![blob(target, Method::HEAD, 4 * KIB).await?]),
            Shape::BlobGet { size } => Self::Requests(vec![blob(target, Method::GET, size).await?]),
            Shape::BlobRange { size } => {
                let whole = blob(target, Method::GET, size).await?;
                let range =
                    |start: u64| whole.clone().expect(&[206]).with("range", &format!("bytes={start}-{}", size.min(start + MIB) - 1));
                Self::Requests((0..size).step_by(MIB as usize).map(range).collect())
            }
            Shape::Push { size, into: Destination::Fresh, mode } => {
                Self::Push(Push::new(target, "bench/fresh", size, mode, true, true).await?)
            }
            Shape::Push { size, into: Destination::One { tags }, mode } => {
                let name = format!("bench/push-{tags}");
                let push = Push::new(target, &name, size, mode, true, false).await?;
                push.repository.fill_tags(tags).await?;
                Self::Push(push)
            }
            Shape::Upload { size, mode } => Self::Push(Push::new(target, "bench/incoming", size, mode, false, false).await?),
            Shape::Tags { count } => {
                let (repository, middle) = with_tags(target, count).await?;
                Self::Requests(vec![Request::get(repository.path(&format!("tags/list?n={PAGE}&last={}", tag(middle))))])
            }
            Shape::Referrers { count } => {
                let repository = Repository::open(target, &format!("bench/referrers-{count}")).await?;
                let subject = repository.fill_referrers(count).await?;
                Self::Requests(vec![Request::get(repository.path(&format!("referrers/{subject}")))])
            }
            Shape::Catalog { count } => {
                let repository = Repository::open(target, "bench/catalog").await?;
                repository.fill_repositories(count).await?;
                let middle = format!("{}/{}", repository.name, tag(count / 2));
                Self::Requests(vec![Request::get(format!("/v2/_catalog?n={PAGE}&last={}", middle.replace('/', "%2F")))])
            }
            Shape::DescribeTags { count } => Self::Requests(vec![describe_tags(target, count).await?]),
            Shape::Mixed => {
                let pull = manifests(target, false, 1, false).await?.swap_remove(0);
                Self::Mixed(pull, Push::new(target, "bench/mixed", 4 * KIB, UploadMode::Put, true, false).await?)
            }
        })
    }

    /// Performs the operation once and returns the bytes of content transferred. `turn` selects among requests.
    pub(crate) async fn perform(&self, client: &mut Client, turn: u64) -> Result<u64> {
        match self {
            Self::Requests(requests) => Ok(client.drain(requests[turn as usize % requests.len()].clone()).await?.length),
            Self::Push(push) => push.perform(client).await,
            Self::Mixed(_, push) if turn % 4 == 3 => push.perform(client).await,
            Self::Mixed(pull, _) => Ok(client.drain(pull.clone()).await?.length),
        }
    }
}

impl Push {
    async fn new(target: &Target, repository: &str, size: u64, mode: UploadMode, image: bool, fresh: bool) -> Result<Self> {
        let repository = Repository::open(target, repository).await?;
        Ok(Self { repository, blobs: Blobs::new(size)?, mode, image, run: getrandom::u64()?, fresh, count: AtomicU64::new(0) })
    }

    async fn perform(&self, client: &mut Client) -> Result<u64> {
        let blob = self.blobs.next();
        if !self.image {
            return self.repository.push_blob(client, &blob, self.mode).await;
        }
        let name = format!("p{:016x}-{}", self.run, self.count.fetch_add(1, Ordering::Relaxed));
        let fresh = self.fresh.then(|| self.repository.below(&name));
        fresh.as_ref().unwrap_or(&self.repository).push_image(client, &name, &blob, self.mode).await
    }
}

/// A repository with `count` tags, and the number of the middle one.
async fn with_tags(target: &Target, count: u64) -> Result<(Repository, u64)> {
    let repository = Repository::open(target, &format!("bench/tags-{count}")).await?;
    if target.kind == Kind::Registry {
        repository.fill_tags(count).await?;
    }
    Ok((repository, count / 2))
}

async fn manifests(target: &Target, head: bool, tags: u64, spread: bool) -> Result<Vec<Request>> {
    let (repository, middle) = with_tags(target, tags).await?;
    let numbers = if spread { (0..tags).step_by((tags / SPREAD).max(1) as usize).collect() } else { vec![middle] };
    let method = if head { Method::HEAD } else { Method::GET };
    let manifest = |number| Request::new(method.clone(), repository.path(&format!("manifests/{}", tag(number)))).with("accept", MANIFEST);
    Ok(numbers.into_iter().map(manifest).collect())
}

/// A request for a new blob of this size, which is the layer of an image.
async fn blob(target: &Target, method: Method, size: u64) -> Result<Request> {
    let repository = Repository::open(target, "bench/content").await?;
    let blob = Blobs::new(size)?.next();
    match target.kind {
        Kind::Registry => repository.push_image(&mut repository.client(), &format!("layer-{size}"), &blob, UploadMode::Put).await?,
        Kind::Files(_) => repository.push_blob(&mut repository.client(), &blob, UploadMode::Put).await?,
        Kind::Fixed => 0,
    };
    Ok(Request::new(method, repository.path(&format!("blobs/{}", blob.digest))))
}

async fn describe_tags(target: &Target, count: u64) -> Result<Request> {
    let (repository, middle) = with_tags(target, count).await?;
    let name = repository.name.strip_prefix(&target.prefix).unwrap_or(&repository.name);
    let mut request = json!({ "repositoryName": name, "maxResults": middle.clamp(1, 1000) });
    let response = repository.client().send(login::signed(target, "DescribeImageTags", request.to_string())?).await?;
    let mut response: Value = serde_json::from_slice(&response.body)?;
    request["maxResults"] = PAGE.into();
    request["nextToken"] = response["nextToken"].take();
    login::signed(target, "DescribeImageTags", request.to_string())
}
