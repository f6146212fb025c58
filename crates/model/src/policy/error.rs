//! Why a text is no policy.

/// The most characters of a policy (service model, `RepositoryPolicyText`).
pub(super) const MAXIMUM_CHARACTERS: usize = 10_240;

/// Why a text was refused as a policy. The doors word their own answer; this wording is for the operator's terminal and the log.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// More characters than a policy may have.
    #[error("a policy has at most {MAXIMUM_CHARACTERS} characters")]
    TooLong,
    /// No JSON, or an object that names a member twice.
    #[error("the policy is not valid JSON: {0}")]
    Json(String),
    /// The document is no JSON object.
    #[error("a policy is a JSON object")]
    NotAnObject,
    /// A member that the policy language does not have.
    #[error("a policy has no element '{0}'")]
    UnknownElement(String),
    /// A member whose value is of another JSON type.
    #[error("the element '{0}' has a value of the wrong type")]
    WrongType(&'static str),
    /// A version of the policy language that does not exist.
    #[error("the version '{0}' is neither 2008-10-17 nor 2012-10-17")]
    Version(String),
    /// No `Statement`, or an empty list.
    #[error("a policy has at least one statement")]
    NoStatement,
    /// Two statements of an identity policy with the same `Sid`.
    #[error("two statements have the Sid '{0}'")]
    DuplicateSid(String),
    /// One of the statements is wrong.
    #[error("statement {number}: {error}")]
    Statement {
        /// Which statement, counted from one.
        number: usize,
        /// What is wrong with it.
        error: StatementError,
    },
}

/// What is wrong with one statement.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The statement is no JSON object.
    #[error("a statement is a JSON object")]
    NotAnObject,
    /// A member that the policy language does not have.
    #[error("a statement has no element '{0}'")]
    UnknownElement(String),
    /// A member whose value is of another JSON type.
    #[error("the element '{0}' has a value of the wrong type")]
    WrongType(&'static str),
    /// A required member (or one of its two forms) is absent.
    #[error("the element '{0}' is missing")]
    Missing(&'static str),
    /// A list without entries.
    #[error("the element '{0}' has an empty list")]
    Empty(&'static str),
    /// Both forms of a member, such as `Action` and `NotAction`.
    #[error("the elements '{0}' and 'Not{0}' exclude each other")]
    BothForms(&'static str),
    /// A `Sid` of an identity policy with other characters than ASCII letters and digits.
    #[error("the Sid '{0}' has other characters than letters and digits")]
    Sid(String),
    /// Neither `Allow` nor `Deny`.
    #[error("the effect '{0}' is neither Allow nor Deny")]
    Effect(String),
    /// An action without a service prefix.
    #[error("'{0}' is no action")]
    Action(String),
    /// A resource that is neither `*` nor of the form of an ARN.
    #[error("'{0}' is neither an ARN nor '*'")]
    Resource(String),
    /// A principal in an identity policy, where the identity is the principal.
    #[error("an identity policy names no principal")]
    PrincipalForbidden,
    /// A resource in the policy of a repository, where the repository is the resource.
    #[error("a repository policy names no resource")]
    ResourceForbidden,
    /// A principal of no known form.
    #[error("'{0}' is no principal")]
    Principal(String),
    /// `NotPrincipal` in a statement that allows.
    #[error("'NotPrincipal' goes with the effect Deny only")]
    NotPrincipalAllows,
    /// An operator that does not exist.
    #[error("there is no condition operator '{0}'")]
    Operator(String),
    /// A condition key without a service prefix.
    #[error("'{0}' is no condition key")]
    ConditionKey(String),
    /// A value that its operator cannot compare with.
    #[error("the condition operator '{operator}' cannot compare with '{value}'")]
    ConditionValue {
        /// The operator as written.
        operator: String,
        /// The value as written.
        value: String,
    },
    /// A policy variable that is not closed, has no name or has a default without quotes.
    #[error("'{0}' has a malformed policy variable")]
    Variable(String),
}
