// The life of a repository through the SDK for JavaScript, on the registry at AWS_ENDPOINT_URL_ECR_PUBLIC.

import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  ECRPUBLIC, ImageAlreadyExistsException, InvalidLayerPartException, RepositoryNotFoundException,
  RepositoryPolicyNotFoundException, paginateDescribeImageTags,
} from "@aws-sdk/client-ecr-public";

const PART = 5 << 20;
const ecr = new ECRPUBLIC({});
const repositoryName = process.argv[2];

const digestOf = (content) => "sha256:" + createHash("sha256").update(content).digest("hex");

async function refused(exception, call) {
  try {
    await call();
  } catch (refusal) {
    assert.ok(refusal instanceof exception, refusal);
    return refusal;
  }
  assert.fail(`not refused with ${exception.name}`);
}

/** Pushes a blob in parts of 5 MiB, and sends the first one twice. */
async function push(content) {
  const { uploadId } = await ecr.initiateLayerUpload({ repositoryName });
  const send = (first) => {
    const layerPartBlob = content.subarray(first, first + PART);
    const partLastByte = first + layerPartBlob.length - 1;
    return ecr.uploadLayerPart({ repositoryName, uploadId, partFirstByte: first, partLastByte, layerPartBlob });
  };
  for (let first = 0; first < content.length; first += PART) {
    await send(first);
  }
  const refusal = await refused(InvalidLayerPartException, () => send(0));
  assert.equal(refusal.lastValidByteReceived, content.length - 1);
  assert.equal(refusal.uploadId, uploadId);
  const digest = digestOf(content);
  const { layerDigest } = await ecr.completeLayerUpload({ repositoryName, uploadId, layerDigests: [digest] });
  assert.equal(layerDigest, digest);
}

const { repository, catalogData } = await ecr.createRepository({
  repositoryName, catalogData: { description: "from JavaScript" }, tags: [{ Key: "made", Value: "by the SDK" }],
});
assert.equal(catalogData.description, "from JavaScript");
assert.ok(repository.repositoryUri.endsWith("/" + repositoryName));
assert.ok(repository.createdAt instanceof Date);
const resourceArn = repository.repositoryArn;

const config = Buffer.from("{}");
const layer = Buffer.alloc(PART + 7, "s");
await push(config);
await push(layer);
const { layers } = await ecr.batchCheckLayerAvailability({ repositoryName, layerDigests: [digestOf(config), digestOf(layer)] });
assert.deepEqual(layers.map((layer) => layer.layerAvailability), ["AVAILABLE", "AVAILABLE"]);

const descriptor = (mediaType, content) => ({ mediaType, size: content.length, digest: digestOf(content) });
const imageManifest = JSON.stringify({
  schemaVersion: 2,
  mediaType: "application/vnd.oci.image.manifest.v1+json",
  config: descriptor("application/vnd.oci.image.config.v1+json", config),
  layers: [descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)],
});
const imageDigest = digestOf(imageManifest);
const tags = ["v1", "v2", "v3", "v4", "v5"];
for (const imageTag of tags) {
  const { image } = await ecr.putImage({ repositoryName, imageManifest, imageTag });
  assert.deepEqual(image.imageId, { imageDigest, imageTag });
}
await refused(ImageAlreadyExistsException, () => ecr.putImage({ repositoryName, imageManifest, imageTag: "v1" }));

const pages = [];
for await (const page of paginateDescribeImageTags({ client: ecr, pageSize: 2 }, { repositoryName })) {
  pages.push(page.imageTagDetails.map((detail) => detail.imageTag));
}
assert.deepEqual(pages, [["v1", "v2"], ["v3", "v4"], ["v5"]]);

const statement = { Sid: "Push", Effect: "Allow", Principal: "*", Action: "ecr-public:PutImage" };
await ecr.setRepositoryPolicy({ repositoryName, policyText: JSON.stringify({ Version: "2012-10-17", Statement: [statement] }) });
const { policyText } = await ecr.getRepositoryPolicy({ repositoryName });
assert.equal(JSON.parse(policyText).Statement[0].Sid, "Push");
await ecr.deleteRepositoryPolicy({ repositoryName });
await refused(RepositoryPolicyNotFoundException, () => ecr.getRepositoryPolicy({ repositoryName }));

await ecr.tagResource({ resourceArn, tags: [{ Key: "team", Value: "blue" }, { Key: "Team", Value: "" }] });
await ecr.untagResource({ resourceArn, tagKeys: ["made"] });
const listed = (await ecr.listTagsForResource({ resourceArn })).tags;
assert.deepEqual(Object.fromEntries(listed.map(({ Key, Value }) => [Key, Value])), { team: "blue", Team: "" });

await ecr.putRepositoryCatalogData({ repositoryName, catalogData: { aboutText: "# About", architectures: ["ARM 64", "x86-64"] } });
const catalog = (await ecr.getRepositoryCatalogData({ repositoryName })).catalogData;
assert.deepEqual([catalog.aboutText, catalog.architectures], ["# About", ["ARM 64", "x86-64"]]);

const deleted = await ecr.batchDeleteImage({ repositoryName, imageIds: [{ imageDigest }] });
assert.deepEqual(deleted.failures, []);
assert.deepEqual(deleted.imageIds.map((id) => id.imageTag).sort(), tags);
await ecr.deleteRepository({ repositoryName });
await refused(RepositoryNotFoundException, () => ecr.describeRepositories({ repositoryNames: [repositoryName] }));

console.log("scenario passed: javascript");
