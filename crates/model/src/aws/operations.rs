//! The table of all operations.

use super::exception::Exception;
use super::shape::Member;
use super::structure::{self, Structure};
use super::violation::Invalid;
use super::{authorization, catalog_data, images, layers, policies, registries, repositories, resource_tags, tags, uploads};

/// The resource that a request names, unparsed. The first value of each pair is the `registryId`, which may be an alias.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Resource<'a> {
    /// `*` in policies.
    None,
    /// The caller's own registry.
    Registry,
    Repository(Option<&'a str>, &'a str),
    /// These repositories, or all of the registry.
    Repositories(Option<&'a str>, Option<&'a [String]>),
    RepositoryArn(&'a str),
}

/// Each row has an operation and its request, the IAM actions that the caller needs besides the one of the same name, the resource
/// of these actions, and the exceptions that the operation declares (Service Authorization Reference, "Actions, resources, and
/// condition keys for Amazon Elastic Container Registry Public"; service model).
macro_rules! operations {
    ($($name:ident($request:ty) {
        $(further_actions: [$($action:literal),*],)?
        resource: $resource:expr,
        exceptions: [$($exception:ident),* $(,)?],
    })*) => {
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Operation {
            $($name,)*
        }

        impl Operation {
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The name after the dot in `X-Amz-Target`.
            pub const fn name(self) -> &'static str {
                match self {
                    $(Self::$name => stringify!($name),)*
                }
            }

            /// The IAM actions, all of which the caller needs.
            pub const fn actions(self) -> &'static [&'static str] {
                match self {
                    $(Self::$name => &[concat!("ecr-public:", stringify!($name)) $($(, $action)*)?],)*
                }
            }

            const fn exceptions(self) -> &'static [Exception] {
                match self {
                    $(Self::$name => &[$(Exception::$exception),*],)*
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
            /// Parses and validates the body of a request.
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

operations! {
    GetAuthorizationToken(authorization::GetAuthorizationTokenRequest) {
        further_actions: ["sts:GetServiceBearerToken"],
        resource: |_| Resource::None,
        exceptions: [InvalidParameter],
    }
    CreateRepository(repositories::CreateRepositoryRequest) {
        resource: |request| Resource::Repository(None, &request.repository_name),
        exceptions: [InvalidParameter, InvalidTagParameter, LimitExceeded, RepositoryAlreadyExists, TooManyTags],
    }
    DescribeRepositories(repositories::DescribeRepositoriesRequest) {
        resource: |request| Resource::Repositories(request.registry_id.as_deref(), request.repository_names.as_deref()),
        exceptions: [InvalidParameter, RepositoryNotFound],
    }
    DeleteRepository(repositories::DeleteRepositoryRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotEmpty, RepositoryNotFound],
    }
    DescribeImageTags(tags::DescribeImageTagsRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
    }
    DescribeImages(images::DescribeImagesRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [ImageNotFound, InvalidParameter, RepositoryNotFound],
    }
    PutImage(images::PutImageRequest) {
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
    }
    BatchDeleteImage(images::BatchDeleteImageRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
    }
    BatchCheckLayerAvailability(layers::BatchCheckLayerAvailabilityRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RegistryNotFound, RepositoryNotFound],
    }
    InitiateLayerUpload(uploads::InitiateLayerUploadRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RegistryNotFound, RepositoryNotFound],
    }
    UploadLayerPart(uploads::UploadLayerPartRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidLayerPart, InvalidParameter, LimitExceeded, RegistryNotFound, RepositoryNotFound, UploadNotFound],
    }
    CompleteLayerUpload(uploads::CompleteLayerUploadRequest) {
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
    }
    DescribeRegistries(registries::DescribeRegistriesRequest) {
        resource: |_| Resource::Registry,
        exceptions: [InvalidParameter],
    }
    GetRepositoryCatalogData(catalog_data::GetRepositoryCatalogDataRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryCatalogDataNotFound, RepositoryNotFound],
    }
    PutRepositoryCatalogData(catalog_data::PutRepositoryCatalogDataRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
    }
    GetRegistryCatalogData(catalog_data::GetRegistryCatalogDataRequest) {
        resource: |_| Resource::Registry,
        exceptions: [],
    }
    PutRegistryCatalogData(catalog_data::PutRegistryCatalogDataRequest) {
        resource: |_| Resource::Registry,
        exceptions: [InvalidParameter],
    }
    SetRepositoryPolicy(policies::SetRepositoryPolicyRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound],
    }
    GetRepositoryPolicy(policies::GetRepositoryPolicyRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound, RepositoryPolicyNotFound],
    }
    DeleteRepositoryPolicy(policies::DeleteRepositoryPolicyRequest) {
        resource: |request| Resource::Repository(request.registry_id.as_deref(), &request.repository_name),
        exceptions: [InvalidParameter, RepositoryNotFound, RepositoryPolicyNotFound],
    }
    TagResource(resource_tags::TagResourceRequest) {
        resource: |request| Resource::RepositoryArn(&request.resource_arn),
        exceptions: [InvalidParameter, InvalidTagParameter, RepositoryNotFound, TooManyTags],
    }
    UntagResource(resource_tags::UntagResourceRequest) {
        resource: |request| Resource::RepositoryArn(&request.resource_arn),
        exceptions: [InvalidParameter, InvalidTagParameter, RepositoryNotFound, TooManyTags],
    }
    ListTagsForResource(resource_tags::ListTagsForResourceRequest) {
        resource: |request| Resource::RepositoryArn(&request.resource_arn),
        exceptions: [InvalidParameter, RepositoryNotFound],
    }
}

impl Operation {
    pub fn find(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|operation| operation.name() == name)
    }

    /// The maximum length of a request body, in bytes.
    pub const fn body_limit(self) -> usize {
        const MIB: usize = 1024 * 1024;
        match self {
            // A layer part of 20 MiB is 26.7 MiB of base64.
            Self::UploadLayerPart => 28 * MIB,
            // A manifest of 4 MiB grows by its escaped quotes.
            Self::PutImage => 9 * MIB,
            // Catalog data have a logo and two long texts.
            Self::CreateRepository | Self::PutRepositoryCatalogData => 4 * MIB,
            _ => MIB,
        }
    }

    /// Whether the service model declares `exception` for this operation. It declares two exceptions for all operations.
    pub fn declares(self, exception: Exception) -> bool {
        matches!(exception, Exception::Server | Exception::UnsupportedCommand) || self.exceptions().contains(&exception)
    }

    /// Whether the operation only reads public data, so that everybody may call it. AWS restricts the first three to the
    /// registry's own account, but shows the same data in its public gallery (aws/containers-roadmap#1262).
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
        assert_eq!(Operation::find("BatchGetImage"), None, "an operation of the private service only");
    }

    #[test]
    fn public_reads_are_operations_that_name_a_registry_by_its_id() {
        for operation in Operation::ALL.iter().filter(|operation| operation.is_public_read()) {
            let registry = operation.members().iter().find(|member| member.name == "registryId").expect("names a registry");
            assert!(matches!(registry.shape, Shape::String { pattern: Some(_), .. }), "{operation:?}");
        }
    }
}
