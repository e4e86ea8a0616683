package google

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// operation is one method of the API: what its path says besides, what may be said to it,
// and what it does.
type operation struct {
	name    string
	params  string // the parameters that it knows
	headers string // the headers that it knows, besides those of all
	do      func(*call) (*answer, error)
}

const (
	conditions       = " ifGenerationMatch ifGenerationNotMatch ifMetagenerationMatch ifMetagenerationNotMatch"
	sourceConditions = " ifSourceGenerationMatch ifSourceGenerationNotMatch ifSourceMetagenerationMatch" +
		" ifSourceMetagenerationNotMatch"
)

// jsonOperation is the method of the JSON API that a path of so many segments has (JSON API
// reference, one page per method).
func jsonOperation(method, shape string) (operation, bool) {
	op, ok := map[string]operation{
		"GET b":      {"storage.buckets.list", "project maxResults pageToken prefix fields", "", (*call).listBuckets},
		"POST b":     {"storage.buckets.insert", "project enableObjectRetention fields", "", (*call).insertBucket},
		"GET b/B":    {"storage.buckets.get", "fields", "", (*call).getBucket},
		"PATCH b/B":  {"storage.buckets.update", "ifMetagenerationMatch fields", "", (*call).patchBucket},
		"DELETE b/B": {"storage.buckets.delete", "", "", (*call).deleteBucket},
		"GET b/B/anywhereCaches": {"storage.anywhereCaches.list", "pageSize pageToken fields", "",
			(*call).listCaches},
		"GET b/B/o": {"storage.objects.list", "versions softDeleted maxResults pageToken prefix startOffset endOffset" +
			" fields", "", (*call).listObjects},
		"GET b/B/o/O":    {"storage.objects.get", "alt generation softDeleted fields" + conditions, "", (*call).getObject},
		"PATCH b/B/o/O":  {"storage.objects.update", "generation fields" + conditions, "", (*call).patchObject},
		"DELETE b/B/o/O": {"storage.objects.delete", "generation" + conditions, "", (*call).deleteObject},
		"POST b/B/o/O/rewriteTo/b/B/o/O": {"storage.objects.rewrite", "sourceGeneration rewriteToken" +
			" maxBytesRewrittenPerCall destinationKmsKeyName fields" + conditions + sourceConditions, "", (*call).rewrite},
		"POST upload/b/B/o": {"storage.objects.insert", "uploadType kmsKeyName fields" + conditions, "",
			(*call).insertObject},
	}[method+" "+shape]
	return op, ok
}

// route finds the method that a request is of, and refuses whatever that does not know.
func (c *call) route() (func(*call) (*answer, error), error) {
	query, err := url.ParseQuery(c.r.URL.RawQuery)
	if err != nil {
		return nil, unknown("this query")
	}
	c.query = query
	path := strings.TrimPrefix(c.r.URL.EscapedPath(), "/")
	var op operation
	var ok bool
	if rest, is := strings.CutPrefix(path, "storage/v1/"); is {
		op, ok = c.jsonPath(rest, "")
	} else if rest, is := strings.CutPrefix(path, "upload/storage/v1/"); is {
		op, ok = c.jsonPath(rest, "upload/")
	} else {
		op, ok = c.xmlPath(path)
	}
	if !ok {
		return nil, refuse(http.StatusNotFound, "notFound", "Not Found")
	}
	c.op = op.name
	if c.isXML() { // who pays, see payer
		op.headers += " X-Goog-User-Project"
	} else {
		op.params += " userProject"
	}
	for name, values := range query {
		if !slices.Contains(strings.Fields(op.params), name) || len(values) != 1 {
			return nil, unknown("the parameter " + name)
		}
	}
	for name := range c.r.Header {
		if !slices.Contains(strings.Fields("User-Agent Accept-Encoding Authorization Content-Length Content-Type "+
			op.headers), name) {
			return nil, unknown("the header " + name)
		}
	}
	return op.do, nil
}

// jsonPath reads a path of the JSON API, in which names are segments (Cloud Storage
// documentation, "Cloud Storage request endpoints", encoding URL path parts).
func (c *call) jsonPath(path, before string) (operation, bool) {
	segments := strings.Split(path, "/")
	for i, s := range segments {
		text, err := url.PathUnescape(s)
		if err != nil {
			return operation{}, false
		}
		switch i {
		case 1:
			c.bucket, segments[i] = text, "B"
		case 3:
			c.key, segments[i] = text, "O"
		case 6:
			c.to.bucket, segments[i] = text, "B"
		case 8:
			c.to.key, segments[i] = text, "O"
		}
	}
	return jsonOperation(c.r.Method, before+strings.Join(segments, "/"))
}

// xmlPath reads a path of the XML API, in which the rest of it is the object's name.
func (c *call) xmlPath(path string) (operation, bool) {
	bucket, key, _ := strings.Cut(path, "/")
	var err, also error
	c.bucket, err = url.PathUnescape(bucket)
	c.key, also = url.PathUnescape(key)
	if err != nil || also != nil || c.bucket == "" {
		return operation{}, false
	}
	shape := c.r.Method
	for _, name := range []string{"uploads", "uploadId", "partNumber"} {
		if c.query.Has(name) {
			shape += " " + name
		}
	}
	if c.key == "" {
		shape += " of a bucket"
	}
	// XML API reference, "Initiate a multipart upload" and the four pages behind it, and
	// "List multipart uploads".
	op, ok := map[string]operation{
		"POST uploads": {"storage.multipartUploads.create", "uploads",
			"X-Goog-Storage-Class X-Goog-Encryption-Kms-Key-Name", (*call).createUpload},
		"PUT uploadId partNumber": {"storage.multipartUploads.uploadPart", "uploadId partNumber",
			"X-Goog-Hash Content-Md5", (*call).uploadPart},
		"GET uploadId": {"storage.multipartUploads.listParts", "uploadId max-parts part-number-marker", "",
			(*call).listParts},
		"POST uploadId":   {"storage.multipartUploads.complete", "uploadId", ifHeaders, (*call).completeUpload},
		"DELETE uploadId": {"storage.multipartUploads.abort", "uploadId", "", (*call).abortUpload},
		"GET uploads of a bucket": {"storage.multipartUploads.list", "uploads prefix encoding-type max-uploads" +
			" key-marker upload-id-marker", "", (*call).listUploads},
	}[shape]
	return op, ok
}

// ifHeaders are the XML API's conditions.
const ifHeaders = "X-Goog-If-Generation-Match X-Goog-If-Metageneration-Match If-Match If-None-Match"
