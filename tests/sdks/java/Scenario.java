// The life of a repository through the SDK for Java, on the registry at AWS_ENDPOINT_URL_ECR_PUBLIC.

import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.Arrays;
import java.util.HexFormat;
import java.util.List;
import java.util.Objects;
import java.util.Set;
import java.util.stream.Collectors;
import software.amazon.awssdk.core.SdkBytes;
import software.amazon.awssdk.services.ecrpublic.EcrPublicClient;
import software.amazon.awssdk.services.ecrpublic.model.*;

public final class Scenario {
    private final EcrPublicClient ecr = EcrPublicClient.create();
    private final String repository;

    private Scenario(String repository) {
        this.repository = repository;
    }

    public static void main(String[] arguments) {
        new Scenario(arguments[0]).run();
        System.out.println("scenario passed: java");
    }

    private void run() {
        var created = ecr.createRepository(request -> request
            .repositoryName(repository)
            .catalogData(data -> data.description("from Java"))
            .tags(tag("made", "by the SDK")));
        equal("from Java", created.catalogData().description());
        var arn = created.repository().repositoryArn();
        check(created.repository().repositoryUri().endsWith("/" + repository), "the URI ends with the name");

        byte[] config = "{}".getBytes(StandardCharsets.UTF_8);
        byte[] layer = new byte[(5 << 20) + 7];
        Arrays.fill(layer, (byte) 'j');
        push(config);
        push(layer);
        var found = ecr.batchCheckLayerAvailability(request -> request
            .repositoryName(repository).layerDigests(digest(config), digest(layer)));
        equal(List.of(LayerAvailability.AVAILABLE, LayerAvailability.AVAILABLE),
            found.layers().stream().map(Layer::layerAvailability).toList());

        var manifest = manifest(config, layer);
        String digest = null;
        for (var tag : List.of("v1", "v2", "v3", "v4", "v5")) {
            digest = put(manifest, tag).image().imageId().imageDigest();
        }
        equal(digest(manifest.getBytes(StandardCharsets.UTF_8)), digest);
        refused(ImageAlreadyExistsException.class, () -> put(manifest, "v1"));

        var pages = ecr.describeImageTagsPaginator(request -> request.repositoryName(repository).maxResults(2))
            .stream().map(page -> page.imageTagDetails().stream().map(ImageTagDetail::imageTag).toList()).toList();
        equal(List.of(List.of("v1", "v2"), List.of("v3", "v4"), List.of("v5")), pages);

        var policy = "{\"Version\":\"2012-10-17\",\"Statement\":[{\"Sid\":\"Push\",\"Effect\":\"Allow\",\"Principal\":\"*\","
            + "\"Action\":\"ecr-public:PutImage\"}]}";
        ecr.setRepositoryPolicy(request -> request.repositoryName(repository).policyText(policy));
        check(ecr.getRepositoryPolicy(request -> request.repositoryName(repository)).policyText().contains("\"Sid\" : \"Push\""),
            "the policy is there");
        ecr.deleteRepositoryPolicy(request -> request.repositoryName(repository));
        refused(RepositoryPolicyNotFoundException.class, () -> ecr.getRepositoryPolicy(request -> request.repositoryName(repository)));

        ecr.tagResource(request -> request.resourceArn(arn).tags(tag("team", "blue"), tag("Team", "")));
        ecr.untagResource(request -> request.resourceArn(arn).tagKeys("made"));
        var tags = ecr.listTagsForResource(request -> request.resourceArn(arn)).tags();
        equal(Set.of("team=blue", "Team="), tags.stream().map(tag -> tag.key() + "=" + tag.value()).collect(Collectors.toSet()));

        ecr.putRepositoryCatalogData(request -> request.repositoryName(repository)
            .catalogData(data -> data.aboutText("# About").architectures("ARM 64", "x86-64")));
        var catalog = ecr.getRepositoryCatalogData(request -> request.repositoryName(repository)).catalogData();
        equal("# About", catalog.aboutText());
        equal(List.of("ARM 64", "x86-64"), catalog.architectures());

        var image = digest;
        var deleted = ecr.batchDeleteImage(request -> request.repositoryName(repository).imageIds(id -> id.imageDigest(image)));
        equal(List.of(), deleted.failures());
        equal(List.of("v1", "v2", "v3", "v4", "v5"), deleted.imageIds().stream().map(ImageIdentifier::imageTag).sorted().toList());
        ecr.deleteRepository(request -> request.repositoryName(repository));
        refused(RepositoryNotFoundException.class, () -> ecr.describeRepositories(request -> request.repositoryNames(repository)));
    }

    /** Pushes a blob in parts of 5 MiB, and sends one of them twice. */
    private void push(byte[] content) {
        var upload = ecr.initiateLayerUpload(request -> request.repositoryName(repository)).uploadId();
        for (int first = 0; first < content.length; first += 5 << 20) {
            send(upload, content, first);
        }
        var refusal = refused(InvalidLayerPartException.class, () -> send(upload, content, 0));
        equal((long) content.length - 1, refusal.lastValidByteReceived());
        equal(upload, refusal.uploadId());
        var digest = digest(content);
        equal(digest, ecr.completeLayerUpload(request -> request
            .repositoryName(repository).uploadId(upload).layerDigests(digest)).layerDigest());
    }

    private UploadLayerPartResponse send(String upload, byte[] content, int first) {
        var part = Arrays.copyOfRange(content, first, Math.min(first + (5 << 20), content.length));
        return ecr.uploadLayerPart(request -> request
            .repositoryName(repository).uploadId(upload)
            .partFirstByte((long) first).partLastByte((long) first + part.length - 1)
            .layerPartBlob(SdkBytes.fromByteArray(part)));
    }

    private PutImageResponse put(String manifest, String tag) {
        return ecr.putImage(request -> request.repositoryName(repository).imageManifest(manifest).imageTag(tag));
    }

    private static String manifest(byte[] config, byte[] layer) {
        return """
            {"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",\
            "config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%d,"digest":"%s"},\
            "layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":%d,"digest":"%s"}]}"""
            .formatted(config.length, digest(config), layer.length, digest(layer));
    }

    private static String digest(byte[] content) {
        try {
            return "sha256:" + HexFormat.of().formatHex(MessageDigest.getInstance("SHA-256").digest(content));
        } catch (NoSuchAlgorithmException impossible) {
            throw new AssertionError(impossible);
        }
    }

    private static Tag tag(String key, String value) {
        return Tag.builder().key(key).value(value).build();
    }

    private static <E extends EcrPublicException> E refused(Class<E> exception, Runnable call) {
        try {
            call.run();
        } catch (EcrPublicException refusal) {
            if (exception.isInstance(refusal)) {
                return exception.cast(refusal);
            }
            throw refusal;
        }
        throw new AssertionError("not refused with " + exception.getSimpleName());
    }

    private static void equal(Object expected, Object found) {
        check(Objects.equals(expected, found), "expected " + expected + ", found " + found);
    }

    private static void check(boolean holds, String what) {
        if (!holds) {
            throw new AssertionError(what);
        }
    }
}
