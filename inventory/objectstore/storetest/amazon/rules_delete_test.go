package amazon_test

import (
	"fmt"
	"net/http"

	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go/middleware"
	smithyhttp "github.com/aws/smithy-go/transport/http"
)

func headerOf(m middleware.Metadata) http.Header {
	if r, ok := awsmiddleware.GetRawResponse(m).(*smithyhttp.Response); ok {
		return r.Header
	}
	return nil
}

const (
	wrongTag     = `"00000000000000000000000000000000"`
	precondition = "Precondition Failed: PreconditionFailed"
)

func (a *asked) remove(id, match string, o ...func(*s3.Options)) error {
	in := &s3.DeleteObjectInput{Bucket: ptr("there"), Key: ptr("k")}
	if id != "" {
		in.VersionId = &id
	}
	if match != "" {
		in.IfMatch = &match
	}
	_, err := a.eu.DeleteObject(a.t.Context(), in, o...)
	return err
}

// batch deletes keys of "there" and returns each one's error, by key.
func (a *asked) batch(objects ...types.ObjectIdentifier) map[string]string {
	a.t.Helper()
	out, err := a.eu.DeleteObjects(a.t.Context(), &s3.DeleteObjectsInput{Bucket: ptr("there"),
		Delete: &types.Delete{Objects: objects}})
	a.must(err)
	said := map[string]string{}
	for _, d := range out.Deleted {
		said[*d.Key] = ok
	}
	for _, e := range out.Errors {
		said[*e.Key] = *e.Code
	}
	return said
}

func deleteQuestions() map[string]func(*asked) {
	return map[string]func(*asked){
		"delete-if-match-version": func(a *asked) {
			out := put(a.t, a.eu, "there", "k", "one")
			a.is("a version", a.remove(*out.VersionId, *out.ETag), "Not Implemented: NotImplemented")
			a.is("null", a.remove("null", *out.ETag), "Not Implemented: NotImplemented")
			if got := a.batch(types.ObjectIdentifier{Key: ptr("k"), VersionId: out.VersionId,
				ETag: out.ETag})["k"]; got != "NotImplemented" {
				a.t.Errorf("in a batch: %s", got)
			}
			a.is("without the ETag", a.remove(*out.VersionId, ""), ok)
		},
		"delete-if-match": func(a *asked) {
			out := put(a.t, a.eu, "there", "k", "one")
			a.is("another's", a.remove("", wrongTag), precondition)
			a.is("its own", a.remove("", *out.ETag), ok)
			put(a.t, a.eu, "there", "k", "two")
			a.is("any", a.remove("", "*"), ok)
			out = put(a.t, a.eu, "there", "right", "one")
			put(a.t, a.eu, "there", "wrong", "one")
			said := a.batch(types.ObjectIdentifier{Key: ptr("right"), ETag: out.ETag},
				types.ObjectIdentifier{Key: ptr("wrong"), ETag: ptr(wrongTag)},
				types.ObjectIdentifier{Key: ptr("none")})
			if said["right"] != ok || said["wrong"] != "PreconditionFailed" || said["none"] != ok {
				a.t.Errorf("in a batch: %v", said)
			}
		},
		"delete-if-match-absent": func(a *asked) {
			a.is("never there", a.remove("", "*"), "Not Found: NoSuchKey")
			out := put(a.t, a.eu, "there", "k", "one")
			a.is("a marker is made", a.remove("", ""), ok)
			a.is("behind a marker", a.remove("", *out.ETag), "Not Found: NoSuchKey")
			a.is("without a condition", a.remove("", ""), ok)
		},
		"delete-directory-conditions": func(a *asked) {
			put(a.t, a.eu, "there", "k", "one")
			a.is("size", a.remove("", "", header("X-Amz-If-Match-Size", "3")), "Not Implemented: NotImplemented")
			a.is("time", a.remove("", "", header("X-Amz-If-Match-Last-Modified-Time",
				"Sat, 01 Jan 2000 00:00:00 GMT")), "Not Implemented: NotImplemented")
		},
		"delete-objects-document": func(a *asked) {
			many := func(n int) error {
				var objects []types.ObjectIdentifier
				for i := range n {
					objects = append(objects, types.ObjectIdentifier{Key: ptr(fmt.Sprint("key-", i))})
				}
				_, err := a.eu.DeleteObjects(a.t.Context(), &s3.DeleteObjectsInput{Bucket: ptr("there"),
					Delete: &types.Delete{Objects: objects, Quiet: ptr(true)}})
				return err
			}
			a.is("two", many(2), ok)
			a.is("1,001", many(1001), "Bad Request: MalformedXML")
		},
	}
}
