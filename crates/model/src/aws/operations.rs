//! The table of all operations.

use super::exception::Exception;
use super::shape::Shape;
use super::{authorization, catalog_data, images, layers, policies, registries, repositories, resource_tags, tags, uploads};

/// What a door has to know about an operation before it calls it.
#[derive(Debug)]
pub struct Operation {
    /// The name behind the dot of `X-Amz-Target`.
    pub name: &'static str,
    /// The IAM actions that the caller needs, all of them (Service Authorization Reference, "Actions, resources, and
    /// condition keys for Amazon Elastic Container Registry Public").
    pub actions: &'static [&'static str],
    /// What the actions are on.
    pub resource: Resource,
    /// How the request names the registry.
    pub registry: RegistryMember,
    /// The shape of the request.
    pub input: &'static Shape,
    /// The shape of the answer.
    pub output: &'static Shape,
    /// The exceptions that are this operation's own. Every operation declares ServerException and
    /// UnsupportedCommandException besides, see [`Operation::declares`].
    pub exceptions: &'static [Exception],
    /// The most bytes of a request body.
    pub body_limit: usize,
}

/// Where a request names the resource that it acts on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource {
    /// The actions are on no resource: `*`.
    None,
    /// The registry itself.
    Registry,
    /// The repository that `repositoryName` names.
    Repository,
    /// Each repository of `repositoryNames`; without that member, the registry's repositories at large.
    Repositories,
    /// The repository that `resourceArn` names.
    RepositoryArn,
}

/// How a request names a registry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RegistryMember {
    /// Not at all: the caller's own.
    Own,
    /// By a `registryId` of twelve digits.
    Id,
    /// By a `registryId` that may be an alias (`RegistryIdOrAlias`): operations that push, and BatchDeleteImage.
    IdOrAlias,
}

const MIB: usize = 1024 * 1024;

impl Operation {
    /// The operation called `name`.
    pub fn find(name: &str) -> Option<&'static Self> {
        OPERATIONS.iter().find(|operation| operation.name == name)
    }

    /// Whether the service model declares `exception` for this operation.
    pub fn declares(&self, exception: Exception) -> bool {
        matches!(exception, Exception::Server | Exception::UnsupportedCommand) || self.exceptions.contains(&exception)
    }

    /// Whether the operation only reads what is public, so that other accounts need no grant for it.
    pub fn is_public_read(&self) -> bool {
        PUBLIC_READS.contains(&self.name)
    }

    /// Whether the operation lists page by page.
    pub fn is_paged(&self) -> bool {
        self.input.member("nextToken").is_some()
    }
}

/// Operations that answer anybody who names the registry. AWS keeps the first three for the registry's own account, and
/// shows the same to everybody in its gallery (aws/containers-roadmap#1262).
const PUBLIC_READS: &[&str] = &["DescribeRepositories", "DescribeImageTags", "DescribeImages", "GetRepositoryCatalogData"];

/// All 23 operations, by topic.
///
/// The body limits leave room for what the shapes allow once it is written as JSON: a layer part of 20 MiB is 26.7 MiB of
/// base64, a manifest of 4 MiB grows by its escaped quotes, and catalog data hold a logo and two long texts.
pub static OPERATIONS: &[Operation] = &[
    Operation {
        name: "GetAuthorizationToken",
        actions: &["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
        resource: Resource::None,
        registry: RegistryMember::Own,
        input: &authorization::GET_AUTHORIZATION_TOKEN_REQUEST,
        output: &authorization::GET_AUTHORIZATION_TOKEN_RESPONSE,
        exceptions: &[Exception::InvalidParameter],
        body_limit: MIB,
    },
    Operation {
        name: "CreateRepository",
        actions: &["ecr-public:CreateRepository"],
        resource: Resource::Repository,
        registry: RegistryMember::Own,
        input: &repositories::CREATE_REPOSITORY_REQUEST,
        output: &repositories::CREATE_REPOSITORY_RESPONSE,
        exceptions: &[
            Exception::InvalidParameter,
            Exception::InvalidTagParameter,
            Exception::LimitExceeded,
            Exception::RepositoryAlreadyExists,
            Exception::TooManyTags,
        ],
        body_limit: 4 * MIB,
    },
    Operation {
        name: "DescribeRepositories",
        actions: &["ecr-public:DescribeRepositories"],
        resource: Resource::Repositories,
        registry: RegistryMember::Id,
        input: &repositories::DESCRIBE_REPOSITORIES_REQUEST,
        output: &repositories::DESCRIBE_REPOSITORIES_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "DeleteRepository",
        actions: &["ecr-public:DeleteRepository"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &repositories::DELETE_REPOSITORY_REQUEST,
        output: &repositories::DELETE_REPOSITORY_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotEmpty, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "DescribeImageTags",
        actions: &["ecr-public:DescribeImageTags"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &tags::DESCRIBE_IMAGE_TAGS_REQUEST,
        output: &tags::DESCRIBE_IMAGE_TAGS_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "DescribeImages",
        actions: &["ecr-public:DescribeImages"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &images::DESCRIBE_IMAGES_REQUEST,
        output: &images::DESCRIBE_IMAGES_RESPONSE,
        exceptions: &[Exception::ImageNotFound, Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "PutImage",
        actions: &["ecr-public:PutImage"],
        resource: Resource::Repository,
        registry: RegistryMember::IdOrAlias,
        input: &images::PUT_IMAGE_REQUEST,
        output: &images::PUT_IMAGE_RESPONSE,
        exceptions: &[
            Exception::ImageAlreadyExists,
            Exception::ImageDigestDoesNotMatch,
            Exception::ImageTagAlreadyExists,
            Exception::InvalidParameter,
            Exception::LayersNotFound,
            Exception::LimitExceeded,
            Exception::ReferencedImagesNotFound,
            Exception::RegistryNotFound,
            Exception::RepositoryNotFound,
        ],
        body_limit: 9 * MIB,
    },
    Operation {
        name: "BatchDeleteImage",
        actions: &["ecr-public:BatchDeleteImage"],
        resource: Resource::Repository,
        registry: RegistryMember::IdOrAlias,
        input: &images::BATCH_DELETE_IMAGE_REQUEST,
        output: &images::BATCH_DELETE_IMAGE_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "BatchCheckLayerAvailability",
        actions: &["ecr-public:BatchCheckLayerAvailability"],
        resource: Resource::Repository,
        registry: RegistryMember::IdOrAlias,
        input: &layers::BATCH_CHECK_LAYER_AVAILABILITY_REQUEST,
        output: &layers::BATCH_CHECK_LAYER_AVAILABILITY_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RegistryNotFound, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "InitiateLayerUpload",
        actions: &["ecr-public:InitiateLayerUpload"],
        resource: Resource::Repository,
        registry: RegistryMember::IdOrAlias,
        input: &uploads::INITIATE_LAYER_UPLOAD_REQUEST,
        output: &uploads::INITIATE_LAYER_UPLOAD_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RegistryNotFound, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "UploadLayerPart",
        actions: &["ecr-public:UploadLayerPart"],
        resource: Resource::Repository,
        registry: RegistryMember::IdOrAlias,
        input: &uploads::UPLOAD_LAYER_PART_REQUEST,
        output: &uploads::UPLOAD_LAYER_PART_RESPONSE,
        exceptions: &[
            Exception::InvalidLayerPart,
            Exception::InvalidParameter,
            Exception::LimitExceeded,
            Exception::RegistryNotFound,
            Exception::RepositoryNotFound,
            Exception::UploadNotFound,
        ],
        body_limit: 28 * MIB,
    },
    Operation {
        name: "CompleteLayerUpload",
        actions: &["ecr-public:CompleteLayerUpload"],
        resource: Resource::Repository,
        registry: RegistryMember::IdOrAlias,
        input: &uploads::COMPLETE_LAYER_UPLOAD_REQUEST,
        output: &uploads::COMPLETE_LAYER_UPLOAD_RESPONSE,
        exceptions: &[
            Exception::EmptyUpload,
            Exception::InvalidLayer,
            Exception::InvalidParameter,
            Exception::LayerAlreadyExists,
            Exception::LayerPartTooSmall,
            Exception::RegistryNotFound,
            Exception::RepositoryNotFound,
            Exception::UploadNotFound,
        ],
        body_limit: MIB,
    },
    Operation {
        name: "DescribeRegistries",
        actions: &["ecr-public:DescribeRegistries"],
        resource: Resource::Registry,
        registry: RegistryMember::Own,
        input: &registries::DESCRIBE_REGISTRIES_REQUEST,
        output: &registries::DESCRIBE_REGISTRIES_RESPONSE,
        exceptions: &[Exception::InvalidParameter],
        body_limit: MIB,
    },
    Operation {
        name: "GetRepositoryCatalogData",
        actions: &["ecr-public:GetRepositoryCatalogData"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &catalog_data::GET_REPOSITORY_CATALOG_DATA_REQUEST,
        output: &catalog_data::GET_REPOSITORY_CATALOG_DATA_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryCatalogDataNotFound, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "PutRepositoryCatalogData",
        actions: &["ecr-public:PutRepositoryCatalogData"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &catalog_data::PUT_REPOSITORY_CATALOG_DATA_REQUEST,
        output: &catalog_data::PUT_REPOSITORY_CATALOG_DATA_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: 4 * MIB,
    },
    Operation {
        name: "GetRegistryCatalogData",
        actions: &["ecr-public:GetRegistryCatalogData"],
        resource: Resource::Registry,
        registry: RegistryMember::Own,
        input: &catalog_data::GET_REGISTRY_CATALOG_DATA_REQUEST,
        output: &catalog_data::GET_REGISTRY_CATALOG_DATA_RESPONSE,
        exceptions: &[],
        body_limit: MIB,
    },
    Operation {
        name: "PutRegistryCatalogData",
        actions: &["ecr-public:PutRegistryCatalogData"],
        resource: Resource::Registry,
        registry: RegistryMember::Own,
        input: &catalog_data::PUT_REGISTRY_CATALOG_DATA_REQUEST,
        output: &catalog_data::PUT_REGISTRY_CATALOG_DATA_RESPONSE,
        exceptions: &[Exception::InvalidParameter],
        body_limit: MIB,
    },
    Operation {
        name: "SetRepositoryPolicy",
        actions: &["ecr-public:SetRepositoryPolicy"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &policies::SET_REPOSITORY_POLICY_REQUEST,
        output: &policies::REPOSITORY_POLICY_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "GetRepositoryPolicy",
        actions: &["ecr-public:GetRepositoryPolicy"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &policies::GET_REPOSITORY_POLICY_REQUEST,
        output: &policies::REPOSITORY_POLICY_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound, Exception::RepositoryPolicyNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "DeleteRepositoryPolicy",
        actions: &["ecr-public:DeleteRepositoryPolicy"],
        resource: Resource::Repository,
        registry: RegistryMember::Id,
        input: &policies::DELETE_REPOSITORY_POLICY_REQUEST,
        output: &policies::REPOSITORY_POLICY_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound, Exception::RepositoryPolicyNotFound],
        body_limit: MIB,
    },
    Operation {
        name: "TagResource",
        actions: &["ecr-public:TagResource"],
        resource: Resource::RepositoryArn,
        registry: RegistryMember::Own,
        input: &resource_tags::TAG_RESOURCE_REQUEST,
        output: &resource_tags::TAG_RESOURCE_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::InvalidTagParameter, Exception::RepositoryNotFound, Exception::TooManyTags],
        body_limit: MIB,
    },
    Operation {
        name: "UntagResource",
        actions: &["ecr-public:UntagResource"],
        resource: Resource::RepositoryArn,
        registry: RegistryMember::Own,
        input: &resource_tags::UNTAG_RESOURCE_REQUEST,
        output: &resource_tags::UNTAG_RESOURCE_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::InvalidTagParameter, Exception::RepositoryNotFound, Exception::TooManyTags],
        body_limit: MIB,
    },
    Operation {
        name: "ListTagsForResource",
        actions: &["ecr-public:ListTagsForResource"],
        resource: Resource::RepositoryArn,
        registry: RegistryMember::Own,
        input: &resource_tags::LIST_TAGS_FOR_RESOURCE_REQUEST,
        output: &resource_tags::LIST_TAGS_FOR_RESOURCE_RESPONSE,
        exceptions: &[Exception::InvalidParameter, Exception::RepositoryNotFound],
        body_limit: MIB,
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_are_23_operations_each_with_its_own_name_and_action() {
        assert_eq!(OPERATIONS.len(), 23);
        for operation in OPERATIONS {
            assert_eq!(OPERATIONS.iter().filter(|other| other.name == operation.name).count(), 1);
            assert_eq!(operation.actions[0], format!("ecr-public:{}", operation.name));
            assert!(Operation::find(operation.name).is_some_and(|found| std::ptr::eq(found, operation)));
        }
        assert!(Operation::find("BatchGetImage").is_none(), "the private service's operation is not one of this service");
    }

    #[test]
    fn public_reads_are_operations_that_name_a_registry_by_its_id() {
        for name in PUBLIC_READS {
            assert!(Operation::find(name).is_some_and(|operation| operation.registry == RegistryMember::Id), "{name}");
        }
    }

    #[test]
    fn each_operation_has_the_members_that_its_resource_is_read_from() {
        for operation in OPERATIONS {
            let member = match operation.resource {
                Resource::None | Resource::Registry => continue,
                Resource::Repository => "repositoryName",
                Resource::Repositories => "repositoryNames",
                Resource::RepositoryArn => "resourceArn",
            };
            assert!(operation.input.member(member).is_some(), "{}", operation.name);
        }
    }
}
