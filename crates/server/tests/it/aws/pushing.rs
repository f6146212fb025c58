//! Pushing images with the control API alone: layers, parts, PutImage.

use super::door::{Door, OWN};
use crate::support::sha256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Value, json};

/// The manifest of an OCI image with this config and these layers.
fn manifest(config: &[u8], layers: &[&[u8]]) -> String {
    let part = |media_type: &str, bytes: &[u8]| json!({"mediaType": media_type, "digest": sha256(bytes), "size": bytes.len()});
    json!({
        "schemaVersion": 2,
        "mediaType": "application/vnd.oci.image.manifest.v1+json",
        "config": part("application/vnd.oci.image.config.v1+json", config),
        "layers": layers.iter().map(|layer| part("application/vnd.oci.image.layer.v1.tar+gzip", layer)).collect::<Vec<_>>(),
    })
    .to_string()
}

impl Door {
    fn start_layer(&self) -> String {
        let started = self.ok("InitiateLayerUpload", json!({"repositoryName": "team/app"}));
        assert_eq!(started["partSize"], 10_485_760);
        started["uploadId"].as_str().expect("an id").to_owned()
    }

    fn part(upload: &str, first: usize, bytes: &[u8]) -> Value {
        json!({"repositoryName": "team/app", "uploadId": upload, "partFirstByte": first, "partLastByte": first + bytes.len() - 1,
            "layerPartBlob": STANDARD.encode(bytes)})
    }

    fn completion(upload: &str, digest: &str) -> Value {
        json!({"repositoryName": "team/app", "uploadId": upload, "layerDigests": [digest]})
    }

    fn push_layer(&self, bytes: &[u8]) -> String {
        let (upload, digest) = (self.start_layer(), sha256(bytes));
        self.ok("UploadLayerPart", Self::part(&upload, 0, bytes));
        let completed = self.ok("CompleteLayerUpload", Self::completion(&upload, &digest));
        assert_eq!(completed["layerDigest"], json!(digest));
        digest
    }
}

#[test]
fn an_image_is_pushed_in_parts_and_described() {
    let door = Door::with_repository();
    let (config, first) = (door.push_layer(b"{}"), vec![7_u8; 5 << 20]);
    let (upload, whole) = (door.start_layer(), [first.as_slice(), b"the rest"].concat());
    let answer = door.ok("UploadLayerPart", Door::part(&upload, 0, &first));
    assert_eq!((&answer["uploadId"], &answer["lastByteReceived"]), (&json!(upload), &json!(first.len() - 1)));
    door.ok("UploadLayerPart", Door::part(&upload, first.len(), b"the rest"));
    let layer = sha256(&whole);
    door.ok("CompleteLayerUpload", Door::completion(&upload, &layer));

    let text = manifest(b"{}", &[&whole]);
    let put = door.ok("PutImage", json!({"repositoryName": "team/app", "imageManifest": text, "imageTag": "v1"}));
    let image = &put["image"];
    assert_eq!((&image["imageManifest"], &image["imageId"]["imageTag"]), (&json!(text), &json!("v1")));
    assert_eq!(image["imageId"]["imageDigest"], json!(sha256(text.as_bytes())));
    assert_eq!(image["imageManifestMediaType"], "application/vnd.oci.image.manifest.v1+json");
    let tags = door.ok("DescribeImageTags", json!({"repositoryName": "team/app"}));
    assert_eq!(tags["imageTagDetails"][0]["imageDetail"]["imageSizeInBytes"], json!(whole.len() + 2));

    let absent = sha256(b"absent");
    let asked = json!({"repositoryName": "team/app", "registryId": "alias", "layerDigests": [layer, absent, config, "bad"]});
    let available = door.ok("BatchCheckLayerAvailability", asked);
    let layers = json!([
        {"layerDigest": layer, "layerAvailability": "AVAILABLE", "layerSize": whole.len(),
            "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip"},
        {"layerDigest": config, "layerAvailability": "AVAILABLE", "layerSize": 2, "mediaType": "application/vnd.oci.image.config.v1+json"},
    ]);
    assert_eq!(available["layers"], layers);
    let failures: Vec<_> = available["failures"].as_array().expect("failures").iter().map(|one| one["failureCode"].clone()).collect();
    assert_eq!(failures, [json!("InvalidLayerDigest"), json!("MissingLayerDigest")]);
}

#[test]
fn a_misplaced_part_is_refused_with_the_committed_offset() {
    let door = Door::with_repository();
    let upload = door.start_layer();
    let invalid = |body: Value| door.send("UploadLayerPart", &body.to_string());
    let (status, answer) = invalid(Door::part(&upload, 5, b"early"));
    assert_eq!((status, &answer["__type"], answer.get("lastValidByteReceived")), (400, &json!("InvalidLayerPartException"), None));
    door.ok("UploadLayerPart", Door::part(&upload, 0, b"first"));
    for first in [0, 4, 6] {
        let (_, answer) = invalid(Door::part(&upload, first, b"again"));
        assert_eq!(answer["__type"], "InvalidLayerPartException");
        let named = (&answer["registryId"], &answer["repositoryName"], &answer["uploadId"], &answer["lastValidByteReceived"]);
        assert_eq!(named, (&json!(OWN), &json!("team/app"), &json!(upload), &json!(4)));
    }
    let mut longer = Door::part(&upload, 5, b"more");
    longer["partLastByte"] = json!(100);
    assert_eq!(invalid(longer).1["__type"], "InvalidLayerPartException");
    door.ok("UploadLayerPart", Door::part(&upload, 5, b"more"));
    let refused = door.refused("CompleteLayerUpload", Door::completion(&upload, &sha256(b"firstmore")));
    let message = "All layer parts except the last part should be at least 5MB";
    assert_eq!(refused, ("LayerPartTooSmallException".to_owned(), message.to_owned()));
}

#[test]
fn every_invalid_completion_has_its_own_exception() {
    let door = Door::with_repository();
    let (upload, digest) = (door.start_layer(), sha256(b"layer"));
    let exception = |upload: &str, digest: &str| door.refused("CompleteLayerUpload", Door::completion(upload, digest)).0;
    assert_eq!(exception(&upload, &digest), "EmptyUploadException");
    door.ok("UploadLayerPart", Door::part(&upload, 0, b"layer"));
    assert_eq!(exception(&upload, &sha256(b"other")), "InvalidLayerException");
    door.push_layer(b"layer");
    let again = door.start_layer();
    door.ok("UploadLayerPart", Door::part(&again, 0, b"layer"));
    assert_eq!(exception(&again, &digest), "LayerAlreadyExistsException");
    let unknown = "01234567-89ab-cdef-0123-456789abcdef";
    let message =
        format!("Upload with id '{unknown}' could not be found for the repository with name 'team/app' in the registry with id '{OWN}'");
    let refused = ("UploadNotFoundException".to_owned(), message);
    assert_eq!(door.refused("CompleteLayerUpload", Door::completion(unknown, &digest)), refused);
    assert_eq!(door.refused("UploadLayerPart", Door::part(unknown, 0, b"x")), refused);
    assert_eq!(exception(&again, "md5:ab"), "InvalidParameterException");
}

#[test]
fn a_layer_upload_is_known_to_its_caller_and_repository_until_it_ends() {
    let door = Door::with_repository();
    door.ok("CreateRepository", json!({"repositoryName": "other"}));
    let ann = door.user("ann", &[("AmazonElasticContainerRegistryPublicFullAccess", None)]);
    let (upload, digest) = (door.start_layer(), sha256(b"layer"));
    let unknown = |answer: Value| assert_eq!(answer["__type"], "UploadNotFoundException", "{answer}");
    let mut part = Door::part(&upload, 0, b"layer");
    unknown(door.server.aws_as(&ann, "UploadLayerPart", &part).json());
    part["repositoryName"] = json!("other");
    unknown(door.server.aws("UploadLayerPart", &part).json());
    let altered = if upload.ends_with('0') { "1" } else { "0" };
    unknown(door.server.aws("UploadLayerPart", &Door::part(&format!("{}{altered}", &upload[..35]), 0, b"layer")).json());
    door.ok("UploadLayerPart", Door::part(&upload, 0, b"layer"));
    unknown(door.server.aws_as(&ann, "CompleteLayerUpload", &Door::completion(&upload, &digest)).json());
    door.ok("CompleteLayerUpload", Door::completion(&upload, &digest));
    unknown(door.server.aws("UploadLayerPart", &Door::part(&upload, 0, b"layer")).json());
}

#[test]
fn an_image_that_cannot_be_put_is_refused_in_awss_words() {
    let door = Door::with_repository();
    let put = |text: &str, more: Value| {
        let mut body = json!({"repositoryName": "team/app", "imageManifest": text});
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        body
    };
    let text = manifest(b"{}", &[b"layer"]);
    let named = format!("in the registry with id '{OWN}' do not exist");
    let message = format!(
        "Layers with digests '[{}, {}]' required for pushing image into repository with name 'team/app' {named}",
        sha256(b"{}"),
        sha256(b"layer")
    );
    assert_eq!(door.refused("PutImage", put(&text, json!({}))), ("LayersNotFoundException".to_owned(), message));
    let child = sha256(b"child");
    let index = json!({"schemaVersion": 2, "mediaType": "application/vnd.oci.image.index.v1+json",
        "manifests": [{"mediaType": "application/vnd.oci.image.manifest.v1+json", "digest": child, "size": 5}]});
    let message = format!("Images with digests '[{child}]' required for pushing image into repository with name 'team/app' {named}");
    let refused = door.refused("PutImage", put(&index.to_string(), json!({})));
    assert_eq!(refused, ("ReferencedImagesNotFoundException".to_owned(), message));
    door.push_layer(b"{}");
    door.push_layer(b"layer");
    let other = sha256(b"other");
    let refused = door.refused("PutImage", put(&text, json!({"imageDigest": other})));
    assert_eq!(refused.0, "ImageDigestDoesNotMatchException");
    assert!(
        refused.1.starts_with(&format!("The image with digest '{other}' in repository 'team/app' and registry ID '{OWN}' does not match"))
    );
    let refused = door.refused("PutImage", put("no JSON", json!({})));
    let message = "Invalid parameter at 'ImageManifest' failed to satisfy constraint: 'Invalid JSON syntax'";
    assert_eq!(refused, ("InvalidParameterException".to_owned(), message.to_owned()));
    for bad in [json!({"imageManifestMediaType": "text/plain"}), json!({"imageDigest": "x"}), json!({"imageTag": "no tag"})] {
        assert_eq!(door.refused("PutImage", put(&text, bad.clone())).0, "InvalidParameterException", "{bad}");
    }
    let digest = sha256(text.as_bytes());
    door.ok("PutImage", put(&text, json!({"imageTag": "v1", "imageDigest": digest})));
    for (tag, shown) in [(json!({"imageTag": "v1"}), "v1"), (json!({}), "null")] {
        let message = format!(
            "Image with digest '{digest}' and tag '{shown}' already exists in the repository with name 'team/app' in registry with id '{OWN}'"
        );
        assert_eq!(door.refused("PutImage", put(&text, tag)), ("ImageAlreadyExistsException".to_owned(), message));
    }
    door.ok("PutImage", put(&text, json!({"imageTag": "v2"})));
    let nobody = put(&text, json!({"registryId": "nobody"}));
    assert_eq!(door.refused("PutImage", nobody).0, "RegistryNotFoundException");
}
