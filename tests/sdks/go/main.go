// The life of a repository through the SDK for Go, on the registry at AWS_ENDPOINT_URL_ECR_PUBLIC.
package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"reflect"
	"sort"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic"
	"github.com/aws/aws-sdk-go-v2/service/ecrpublic/types"
)

const partSize = 5 << 20

type scenario struct {
	ecr        *ecrpublic.Client
	repository *string
}

var ctx = context.Background()

func main() {
	settings := must(config.LoadDefaultConfig(ctx))
	scenario{ecrpublic.NewFromConfig(settings), aws.String(os.Args[1])}.run()
	fmt.Println("scenario passed: go")
}

func (s scenario) run() {
	created := must(s.ecr.CreateRepository(ctx, &ecrpublic.CreateRepositoryInput{
		RepositoryName: s.repository,
		CatalogData:    &types.RepositoryCatalogDataInput{Description: aws.String("from Go")},
		Tags:           []types.Tag{tag("made", "by the SDK")},
	}))
	equal("from Go", *created.CatalogData.Description)
	equal(true, strings.HasSuffix(*created.Repository.RepositoryUri, "/"+*s.repository))
	equal(false, created.Repository.CreatedAt.IsZero())
	arn := created.Repository.RepositoryArn

	image, layer := []byte("{}"), bytes.Repeat([]byte("g"), partSize+7)
	s.push(image)
	s.push(layer)
	found := must(s.ecr.BatchCheckLayerAvailability(ctx, &ecrpublic.BatchCheckLayerAvailabilityInput{
		RepositoryName: s.repository, LayerDigests: []string{digest(image), digest(layer)},
	}))
	equal(2, len(found.Layers))
	for _, layer := range found.Layers {
		equal(types.LayerAvailabilityAvailable, layer.LayerAvailability)
	}

	manifest := fmt.Sprintf(`{"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json",`+
		`"config":{"mediaType":"application/vnd.oci.image.config.v1+json","size":%d,"digest":%q},`+
		`"layers":[{"mediaType":"application/vnd.oci.image.layer.v1.tar+gzip","size":%d,"digest":%q}]}`,
		len(image), digest(image), len(layer), digest(layer))
	put := func(tag string) (*ecrpublic.PutImageOutput, error) {
		return s.ecr.PutImage(ctx, &ecrpublic.PutImageInput{RepositoryName: s.repository, ImageManifest: &manifest, ImageTag: &tag})
	}
	tags := []string{"v1", "v2", "v3", "v4", "v5"}
	for _, tag := range tags {
		equal(digest([]byte(manifest)), *must(put(tag)).Image.ImageId.ImageDigest)
	}
	_, err := put("v1")
	refused[*types.ImageAlreadyExistsException](err)

	var pages [][]string
	paginator := ecrpublic.NewDescribeImageTagsPaginator(s.ecr, &ecrpublic.DescribeImageTagsInput{
		RepositoryName: s.repository, MaxResults: aws.Int32(2),
	})
	for paginator.HasMorePages() {
		var page []string
		for _, detail := range must(paginator.NextPage(ctx)).ImageTagDetails {
			page = append(page, *detail.ImageTag)
		}
		pages = append(pages, page)
	}
	equal([][]string{{"v1", "v2"}, {"v3", "v4"}, {"v5"}}, pages)

	must(s.ecr.SetRepositoryPolicy(ctx, &ecrpublic.SetRepositoryPolicyInput{
		RepositoryName: s.repository,
		PolicyText: aws.String(`{"Version":"2012-10-17","Statement":[{"Sid":"Push","Effect":"Allow","Principal":"*",` +
			`"Action":"ecr-public:PutImage"}]}`),
	}))
	policy := must(s.ecr.GetRepositoryPolicy(ctx, &ecrpublic.GetRepositoryPolicyInput{RepositoryName: s.repository}))
	equal(true, strings.Contains(*policy.PolicyText, `"Sid" : "Push"`))
	must(s.ecr.DeleteRepositoryPolicy(ctx, &ecrpublic.DeleteRepositoryPolicyInput{RepositoryName: s.repository}))
	_, err = s.ecr.GetRepositoryPolicy(ctx, &ecrpublic.GetRepositoryPolicyInput{RepositoryName: s.repository})
	refused[*types.RepositoryPolicyNotFoundException](err)

	must(s.ecr.TagResource(ctx, &ecrpublic.TagResourceInput{ResourceArn: arn, Tags: []types.Tag{tag("team", "blue"), tag("Team", "")}}))
	must(s.ecr.UntagResource(ctx, &ecrpublic.UntagResourceInput{ResourceArn: arn, TagKeys: []string{"made"}}))
	listed := map[string]string{}
	for _, tag := range must(s.ecr.ListTagsForResource(ctx, &ecrpublic.ListTagsForResourceInput{ResourceArn: arn})).Tags {
		listed[*tag.Key] = *tag.Value
	}
	equal(map[string]string{"team": "blue", "Team": ""}, listed)

	must(s.ecr.PutRepositoryCatalogData(ctx, &ecrpublic.PutRepositoryCatalogDataInput{
		RepositoryName: s.repository,
		CatalogData:    &types.RepositoryCatalogDataInput{AboutText: aws.String("# About"), Architectures: []string{"ARM 64", "x86-64"}},
	}))
	catalog := must(s.ecr.GetRepositoryCatalogData(ctx, &ecrpublic.GetRepositoryCatalogDataInput{RepositoryName: s.repository})).CatalogData
	equal("# About", *catalog.AboutText)
	equal([]string{"ARM 64", "x86-64"}, catalog.Architectures)

	deleted := must(s.ecr.BatchDeleteImage(ctx, &ecrpublic.BatchDeleteImageInput{
		RepositoryName: s.repository, ImageIds: []types.ImageIdentifier{{ImageDigest: aws.String(digest([]byte(manifest)))}},
	}))
	equal(0, len(deleted.Failures))
	var gone []string
	for _, id := range deleted.ImageIds {
		gone = append(gone, *id.ImageTag)
	}
	sort.Strings(gone)
	equal(tags, gone)
	must(s.ecr.DeleteRepository(ctx, &ecrpublic.DeleteRepositoryInput{RepositoryName: s.repository}))
	_, err = s.ecr.DescribeRepositories(ctx, &ecrpublic.DescribeRepositoriesInput{RepositoryNames: []string{*s.repository}})
	refused[*types.RepositoryNotFoundException](err)
}

// push pushes a blob in parts of 5 MiB, and sends the first one twice.
func (s scenario) push(content []byte) {
	upload := must(s.ecr.InitiateLayerUpload(ctx, &ecrpublic.InitiateLayerUploadInput{RepositoryName: s.repository})).UploadId
	send := func(first int) error {
		part := content[first:min(first+partSize, len(content))]
		_, err := s.ecr.UploadLayerPart(ctx, &ecrpublic.UploadLayerPartInput{
			RepositoryName: s.repository, UploadId: upload, LayerPartBlob: part,
			PartFirstByte: aws.Int64(int64(first)), PartLastByte: aws.Int64(int64(first + len(part) - 1)),
		})
		return err
	}
	for first := 0; first < len(content); first += partSize {
		must(0, send(first))
	}
	refusal := refused[*types.InvalidLayerPartException](send(0))
	equal(int64(len(content)-1), *refusal.LastValidByteReceived)
	equal(*upload, *refusal.UploadId)
	completed := must(s.ecr.CompleteLayerUpload(ctx, &ecrpublic.CompleteLayerUploadInput{
		RepositoryName: s.repository, UploadId: upload, LayerDigests: []string{digest(content)},
	}))
	equal(digest(content), *completed.LayerDigest)
}

func digest(content []byte) string {
	return fmt.Sprintf("sha256:%x", sha256.Sum256(content))
}

func tag(key, value string) types.Tag {
	return types.Tag{Key: &key, Value: &value}
}

func must[T any](value T, err error) T {
	if err != nil {
		panic(err)
	}
	return value
}

// refused returns the error as the expected exception.
func refused[E error](err error) E {
	var exception E
	if !errors.As(err, &exception) {
		panic(fmt.Sprintf("not refused with %T: %v", exception, err))
	}
	return exception
}

func equal(expected, found any) {
	if !reflect.DeepEqual(expected, found) {
		panic(fmt.Sprintf("expected %v, found %v", expected, found))
	}
}
