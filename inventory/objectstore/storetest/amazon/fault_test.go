package amazon_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

func TestFaults(t *testing.T) {
	s := amazon.Start(t, amazon.Options{})
	bucket(t, s, "us-east-1", "here")
	a := &asked{t, s, s.Client("us-east-1"), s.Client("eu-west-1")}
	first := func(operation string, f amazon.Fault) {
		s.Forget()
		s.SetFault(func(r amazon.Request) amazon.Fault {
			if r.Operation == operation && r.N == 1 {
				return f
			}
			return amazon.Fault{}
		})
	}
	first("PutObject", amazon.Fault{Status: 400, Code: "RequestTimeout"})
	a.is("a timeout", a.put(a.us, &s3.PutObjectInput{}), "Bad Request: RequestTimeout")
	_, err := a.us.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("k")})
	a.is("nothing was done", err, "Not Found: NotFound")

	first("PutObject", amazon.Fault{Status: 409, Code: "ConditionalRequestConflict", Done: true})
	a.is("a conflict", a.put(a.us, &s3.PutObjectInput{}), "Conflict: ConditionalRequestConflict")
	_, err = a.us.HeadObject(t.Context(), &s3.HeadObjectInput{Bucket: ptr("here"), Key: ptr("k")})
	a.is("it was done all the same", err, ok)

	first("CopyObject", amazon.Fault{Code: "InternalError", AfterStart: true})
	_, err = a.copy(a.us, &s3.CopyObjectInput{})
	if err == nil || !strings.Contains(err.Error(), "InternalError") {
		t.Errorf("a 200 with an error: %v", err)
	}
	_, err = a.copy(a.us, &s3.CopyObjectInput{})
	a.is("the second", err, ok)
}
