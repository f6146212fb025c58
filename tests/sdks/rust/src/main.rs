//! The life of a repository through the SDK for Rust, on the registry at AWS_ENDPOINT_URL_ECR_PUBLIC.

use aws_sdk_ecrpublic::Client;
use aws_sdk_ecrpublic::error::{DisplayErrorContext, SdkError};
use aws_sdk_ecrpublic::primitives::Blob;
use aws_sdk_ecrpublic::types::{ImageIdentifier, LayerAvailability, RepositoryCatalogDataInput, Tag};
use sha2::{Digest, Sha256};
use std::collections::BTreeMap;
use std::fmt::Debug;

const PART: usize = 5 << 20;
const TAGS: [&str; 5] = ["v1", "v2", "v3", "v4", "v5"];

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let repository = std::env::args().nth(1).expect("the name of a repository");
    let ecr = Client::new(&aws_config::load_defaults(aws_config::BehaviorVersion::latest()).await);
    Scenario { ecr, repository }.run().await;
    println!("scenario passed: rust");
}

struct Scenario {
    ecr: Client,
    repository: String,
}

impl Scenario {
    async fn run(&self) {
        let (ecr, name) = (&self.ecr, &self.repository);
        let data = RepositoryCatalogDataInput::builder().description("from Rust").build();
        let creation = ecr.create_repository().repository_name(name).catalog_data(data).tags(tag("made", "by the SDK"));
        let created = done(creation.send().await);
        assert_eq!(created.catalog_data().and_then(|data| data.description()), Some("from Rust"));
        let repository = created.repository().expect("a repository");
        assert!(repository.repository_uri().is_some_and(|uri| uri.ends_with(&format!("/{name}"))));
        assert!(repository.created_at().is_some_and(|time| time.secs() > 1_700_000_000));
        let arn = repository.repository_arn().expect("an ARN");

        let (config, layer) = (b"{}".to_vec(), vec![b'r'; PART + 7]);
        self.push(&config).await;
        self.push(&layer).await;
        let check = ecr.batch_check_layer_availability().repository_name(name);
        let found = done(check.layer_digests(digest(&config)).layer_digests(digest(&layer)).send().await);
        let availabilities: Vec<_> = found.layers().iter().filter_map(|layer| layer.layer_availability()).collect();
        assert_eq!(availabilities, [&LayerAvailability::Available, &LayerAvailability::Available]);

        let manifest = format!(
            r#"{{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":{},"layers":[{}]}}"#,
            descriptor("application/vnd.oci.image.config.v1+json", &config),
            descriptor("application/vnd.oci.image.layer.v1.tar+gzip", &layer),
        );
        let image = digest(manifest.as_bytes());
        let put = |tag: &str| ecr.put_image().repository_name(name).image_manifest(&manifest).image_tag(tag).send();
        for tag in TAGS {
            let answer = done(put(tag).await);
            let id = answer.image().and_then(|image| image.image_id()).expect("an id");
            assert_eq!((id.image_digest(), id.image_tag()), (Some(image.as_str()), Some(tag)));
        }
        assert!(refused(put("v1").await).is_image_already_exists_exception());

        let mut pages = Vec::new();
        let mut paginator = ecr.describe_image_tags().repository_name(name).into_paginator().page_size(2).send();
        while let Some(page) = paginator.next().await {
            let page = done(page);
            pages.push(page.image_tag_details().iter().filter_map(|detail| detail.image_tag()).map(str::to_owned).collect::<Vec<_>>());
        }
        assert_eq!(pages, [vec!["v1", "v2"], vec!["v3", "v4"], vec!["v5"]]);

        let policy =
            r#"{"Version":"2012-10-17","Statement":[{"Sid":"Push","Effect":"Allow","Principal":"*","Action":"ecr-public:PutImage"}]}"#;
        done(ecr.set_repository_policy().repository_name(name).policy_text(policy).send().await);
        let kept = done(ecr.get_repository_policy().repository_name(name).send().await);
        assert!(kept.policy_text().is_some_and(|text| text.contains(r#""Sid" : "Push""#)));
        done(ecr.delete_repository_policy().repository_name(name).send().await);
        assert!(refused(ecr.get_repository_policy().repository_name(name).send().await).is_repository_policy_not_found_exception());

        done(ecr.tag_resource().resource_arn(arn).tags(tag("team", "blue")).tags(tag("Team", "")).send().await);
        done(ecr.untag_resource().resource_arn(arn).tag_keys("made").send().await);
        let listed = done(ecr.list_tags_for_resource().resource_arn(arn).send().await);
        let listed: BTreeMap<_, _> = listed.tags().iter().filter_map(|tag| Some((tag.key()?, tag.value()?))).collect();
        assert_eq!(listed, BTreeMap::from([("team", "blue"), ("Team", "")]));

        let data = RepositoryCatalogDataInput::builder().about_text("# About").architectures("ARM 64").architectures("x86-64").build();
        done(ecr.put_repository_catalog_data().repository_name(name).catalog_data(data).send().await);
        let kept = done(ecr.get_repository_catalog_data().repository_name(name).send().await);
        let catalog = kept.catalog_data().expect("catalog data");
        assert_eq!(
            (catalog.about_text(), catalog.architectures()),
            (Some("# About"), ["ARM 64".to_owned(), "x86-64".to_owned()].as_slice())
        );

        let id = ImageIdentifier::builder().image_digest(&image).build();
        let deleted = done(ecr.batch_delete_image().repository_name(name).image_ids(id).send().await);
        assert!(deleted.failures().is_empty());
        let mut gone: Vec<_> = deleted.image_ids().iter().filter_map(|id| id.image_tag()).collect();
        gone.sort_unstable();
        assert_eq!(gone, TAGS);
        done(ecr.delete_repository().repository_name(name).send().await);
        assert!(refused(ecr.describe_repositories().repository_names(name).send().await).is_repository_not_found_exception());
    }

    /// Pushes a blob in parts of 5 MiB, and sends the first one twice.
    async fn push(&self, content: &[u8]) {
        let begun = done(self.ecr.initiate_layer_upload().repository_name(&self.repository).send().await);
        let upload = begun.upload_id().expect("an upload");
        let send = |first: usize| {
            let part = &content[first..content.len().min(first + PART)];
            let request = self.ecr.upload_layer_part().repository_name(&self.repository).upload_id(upload);
            let request = request.part_first_byte(first as i64).part_last_byte((first + part.len()) as i64 - 1);
            request.layer_part_blob(Blob::new(part)).send()
        };
        for first in (0..content.len()).step_by(PART) {
            done(send(first).await);
        }
        let refusal = refused(send(0).await);
        assert!(refusal.is_invalid_layer_part_exception(), "{refusal:?}");
        if let aws_sdk_ecrpublic::operation::upload_layer_part::UploadLayerPartError::InvalidLayerPartException(refusal) = refusal {
            assert_eq!(refusal.last_valid_byte_received(), Some(content.len() as i64 - 1));
            assert_eq!(refusal.upload_id(), Some(upload));
        }
        let completion = self.ecr.complete_layer_upload().repository_name(&self.repository).upload_id(upload);
        assert_eq!(done(completion.layer_digests(digest(content)).send().await).layer_digest(), Some(digest(content).as_str()));
    }
}

fn tag(key: &str, value: &str) -> Tag {
    Tag::builder().key(key).value(value).build()
}

fn descriptor(media_type: &str, content: &[u8]) -> String {
    format!(r#"{{"mediaType":"{media_type}","size":{},"digest":"{}"}}"#, content.len(), digest(content))
}

fn digest(content: &[u8]) -> String {
    let hexadecimal = Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    format!("sha256:{hexadecimal}")
}

fn done<T, E: std::error::Error + 'static, R: Debug>(answer: Result<T, SdkError<E, R>>) -> T {
    answer.unwrap_or_else(|error| panic!("{}", DisplayErrorContext(error)))
}

/// Returns the exception of a call that must be refused.
fn refused<T: Debug, E, R>(answer: Result<T, SdkError<E, R>>) -> E
where
    SdkError<E, R>: Debug,
{
    match answer {
        Ok(answer) => panic!("not refused: {answer:?}"),
        Err(SdkError::ServiceError(refusal)) => refusal.into_err(),
        Err(error) => panic!("{error:?}"),
    }
}
