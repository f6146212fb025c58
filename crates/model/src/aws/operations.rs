//! The table of all operations.

use super::exception::Exception;
use super::shape::Member;
use super::structure::{self, Structure};
use super::violation::Invalid;
use super::{authorization, catalog_data, images, layers, policies, registries, repositories, resource_tags, tags, uploads};

/// What a request acts on, as its members name it. The first member of each pair is a `registryId`, which may be an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// The actions are on no resource: `*`.
    None,
    /// The caller's own registry.
    Registry,
    Repository(Option<&'a str>, &'a str),
    /// Each of these repositories; without names, the registry's repositories at large.
    Repositories(Option<&'a str>, Option<&'a [String]>),
    /// The repository with this ARN.
    RepositoryArn(&'a str),
}

/// Each row has the operation and its request, the IAM actions that the caller needs, all of them (Service Authorization
/// Reference, "Actions, resources, and condition keys for Amazon Elastic Container Registry Public"), what they are on, the
/// exceptions that are the operation's own, and the most bytes of a request body.
macro_rules! operations {
    ($($name:ident($request:ty) {
        actions: $actions:expr,
        resource: $resource:expr,
        exceptions: [$($exception:ident),* $(,)?],
        body_limit: $body_limit:expr,
    })*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name behind the dot of `X-Amz-Target`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            pub const fn actions(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &$actions,)*
                }
            }

            const fn exceptions(self) -> &'static [Exception] {
                match self {
                    $(Self::$name => &[$(Exception::$exception),*],)*
                }
            }

            pub const fn body_limit(self) -> usize {
                match self {
                    $(Self::$name => $body_limit,)*
                }
            }

            /// The members of the request.
            pub const fn members(self) -> &'static [Member] {
                match self {
                    $(Self::$name => <$request>::MEMBERS,)*
                }
            }
        }

        #[derive(Debug, PartialEq)]
        pub enum Request {
            $($name($request),)*
        }

        impl Request {
            /// Reads the body of a request of `operation`.
            pub fn read(operation: Operation, body: &str) -> Result<Self, Invalid> {
                match operation {
                    $(Operation::$name => structure::read(body).map(Self::$name),)*
                }
            }

            pub const fn operation(&self) -> Operation {
                match self {
                    $(Self::$name(_) => Operation::$name,)*
                }
            }

            pub fn resource(&self) -> Resource<'_> {
                match self {
                    $(Self::$name(request) => {
                        let resource: fn(&$request) -> Resource<'_> = $resource;
                        resource(request)
                    })*
                }
            }
        }
    };
}

const MIB: usize = 1024 * 1024;

// The body limits leave room for what the shapes allow once it is written as JSON: a layer part of 20 MiB is 26.7 MiB of
// base64, a manifest of 4 MiB grows by its escaped quotes, and catalog data hold a logo and two long texts.
operations! {
    GetAuthorizationToken(authorization::GetAuthorizationTokenRequest) {
        actions: ["ecr-public:GetAuthorizationToken", "sts:GetServiceBearerToken"],
        resource: |_| Resource::None,
        exceptions: [InvalidParameter],
        body_limit: MIB,
    }
    CreateRepository(repositories::CreateRepositoryRequest) {
        actions: ["ecr-public:CreateRepository"],
        resource: |request| Resource::Repository(None, &request.repository_name),
        exceptions: [InvalidParameter, InvalidTagParameter, LimitExceeded, RepositoryAlreadyExists, TooManyTags],
        body_limit: 4 * MIB,
    }
    DescribeRepositories(repositories::DescribeRepositoriesRequest) {
        actions: ["ecr-public:DescribeRepositories"],
        resource: |request| Resource::Repositories(request.registry_id.as_deref(), request.repository_names.as_deref()),
        exceptions: [InvalidParameter, RepositoryNotFound],
        body_limit: MIB,
    }
    DeleteRepository(repositories::DeleteRepositoryRequest) {
        actions: ["ecr-public:DeleteRepository"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotEmpty, RepositoryNotFound],
        body_limit: MIB,
    }
    DescribeImageTags(tags::DescribeImageTagsRequest) {
        actions: ["ecr-public:DescribeImageTags"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
        body_limit: MIB,
    }
    DescribeImages(images::DescribeImagesRequest) {
        actions: ["ecr-public:DescribeImages"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [ImageNotFound, InvalidParameter, RepositoryNotFound],
        body_limit: MIB,
    }
    PutImage(images::PutImageRequest) {
        actions: ["ecr-public:PutImage"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [
            ImageAlreadyExists,
            ImageDigestDoesNotMatch,
            ImageTagAlreadyExists,
            InvalidParameter,
            LayersNotFound,
            LimitExceeded,
            ReferencedImagesNotFound,
            RegistryNotFound,
            RepositoryNotFound,
        ],
        body_limit: 9 * MIB,
    }
    BatchDeleteImage(images::BatchDeleteImageRequest) {
        actions: ["ecr-public:BatchDeleteImage"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
        body_limit: MIB,
    }
    BatchCheckLayerAvailability(layers::BatchCheckLayerAvailabilityRequest) {
        actions: ["ecr-public:BatchCheckLayerAvailability"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RegistryNotFound, RepositoryNotFound],
        body_limit: MIB,
    }
    InitiateLayerUpload(uploads::InitiateLayerUploadRequest) {
        actions: ["ecr-public:InitiateLayerUpload"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RegistryNotFound, RepositoryNotFound],
        body_limit: MIB,
    }
    UploadLayerPart(uploads::UploadLayerPartRequest) {
        actions: ["ecr-public:UploadLayerPart"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidLayerPart, InvalidParameter, LimitExceeded, RegistryNotFound, RepositoryNotFound, UploadNotFound],
        body_limit: 28 * MIB,
    }
    CompleteLayerUpload(uploads::CompleteLayerUploadRequest) {
        actions: ["ecr-public:CompleteLayerUpload"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [
            EmptyUpload,
            InvalidLayer,
            InvalidParameter,
            LayerAlreadyExists,
            LayerPartTooSmall,
            RegistryNotFound,
            RepositoryNotFound,
            UploadNotFound,
        ],
        body_limit: MIB,
    }
    DescribeRegistries(registries::DescribeRegistriesRequest) {
        actions: ["ecr-public:DescribeRegistries"],
        resource: |_| Resource::Registry,
        exceptions: [InvalidParameter],
        body_limit: MIB,
    }
    GetRepositoryCatalogData(catalog_data::GetRepositoryCatalogDataRequest) {
        actions: ["ecr-public:GetRepositoryCatalogData"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryCatalogDataNotFound, RepositoryNotFound],
        body_limit: MIB,
    }
    PutRepositoryCatalogData(catalog_data::PutRepositoryCatalogDataRequest) {
        actions: ["ecr-public:PutRepositoryCatalogData"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
        body_limit: 4 * MIB,
    }
    GetRegistryCatalogData(catalog_data::GetRegistryCatalogDataRequest) {
        actions: ["ecr-public:GetRegistryCatalogData"],
        resource: |_| Resource::Registry,
        exceptions: [],
        body_limit: MIB,
    }
    PutRegistryCatalogData(catalog_data::PutRegistryCatalogDataRequest) {
        actions: ["ecr-public:PutRegistryCatalogData"],
        resource: |_| Resource::Registry,
        exceptions: [InvalidParameter],
        body_limit: MIB,
    }
    SetRepositoryPolicy(policies::SetRepositoryPolicyRequest) {
        actions: ["ecr-public:SetRepositoryPolicy"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
        body_limit: MIB,
    }
    GetRepositoryPolicy(policies::GetRepositoryPolicyRequest) {
        actions: ["ecr-public:GetRepositoryPolicy"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound, RepositoryPolicyNotFound],
        body_limit: MIB,
    }
    DeleteRepositoryPolicy(policies::DeleteRepositoryPolicyRequest) {
        actions: ["ecr-public:DeleteRepositoryPolicy"],
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound, RepositoryPolicyNotFound],
        body_limit: MIB,
    }
    TagResource(resource_tags::TagResourceRequest) {
        actions: ["ecr-public:TagResource"],
        resource: |request| Resource::RepositoryArn(&request.resource_arn),
        exceptions: [InvalidParameter, InvalidTagParameter, RepositoryNotFound, TooManyTags],
        body_limit: MIB,
    }
    UntagResource(resource_tags::UntagResourceRequest) {
        actions: ["ecr-public:UntagResource"],
        resource: |request| Resource::RepositoryArn(&request.resource_arn),
        exceptions: [InvalidParameter, InvalidTagParameter, RepositoryNotFound, TooManyTags],
        body_limit: MIB,
    }
    ListTagsForResource(resource_tags::ListTagsForResourceRequest) {
        actions: ["ecr-public:ListTagsForResource"],
        resource: |request| Resource::RepositoryArn(&request.resource_arn),
        exceptions: [InvalidParameter, RepositoryNotFound],
        body_limit: MIB,
    }
}

impl Operation {
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// Whether the service model declares `exception` for this operation, as it does two of them for all.
    pub fn declares(self, exception: Exception) -> bool {
        matches!(exception, Exception::Server | Exception::UnsupportedCommand) || self.exceptions().contains(&exception)
    }

    /// Whether the operation only reads what is public, so that anybody may call it who names the registry. AWS keeps the first three
    /// for the registry's own account, and shows the same to everybody in its gallery (aws/containers-roadmap#1262).
    pub const fn is_public_read(self) -> bool {
        matches!(self, Self::DescribeRepositories | Self::DescribeImageTags | Self::DescribeImages | Self::GetRepositoryCatalogData)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::aws::Shape;

    #[test]
    fn there_are_23_operations_each_with_its_own_name_and_action() {
        assert_eq!(Operation::ALL.len(), 23);
        for operation in Operation::ALL {
            assert_eq!(operation.actions()[0], format!("ecr-public:{}", operation.name()));
            assert_eq!(Operation::find(operation.name()), Some(*operation));
        }
        assert_eq!(Operation::find("BatchGetImage"), None, "the private service's operation is not one of this service");
    }

    #[test]
    fn public_reads_are_operations_that_name_a_registry_by_its_id() {
        for operation in Operation::ALL.iter().filter(|operation| operation.is_public_read()) {
            let registry = operation.members().iter().find(|member| member.name == "registryId").expect("names a registry");
            assert!(matches!(registry.shape, Shape::String { pattern: Some(_), .. }), "{operation:?}");
        }
    }
}
