package storetest

import (
	"net/http"
	"net/url"
	"strings"
)

// Operation returns the name of the S3 operation that a path-style request
// asks for, such as "PutObject". A request of no known operation is named by
// its method and what it addresses, such as "PATCH object".
func Operation(r *http.Request) string {
	bucket, key := split(r.URL)
	query := r.URL.Query()
	var name string
	switch {
	case bucket == "" && r.Method == http.MethodGet:
		name = "ListBuckets"
	case bucket == "":
		return r.Method + " service"
	case key == "":
		if name = bucketOperation(r.Method, query); name == "" {
			return r.Method + " bucket"
		}
	default:
		if name = objectOperation(r.Method, query, r.Header); name == "" {
			return r.Method + " object"
		}
	}
	return name
}

// split returns the bucket and the unescaped key of a path-style address.
func split(u *url.URL) (bucket, key string) {
	bucket, key, _ = strings.Cut(strings.TrimPrefix(u.Path, "/"), "/")
	return bucket, key
}

func objectOperation(method string, query url.Values, header http.Header) string {
	copied := header.Get("X-Amz-Copy-Source") != ""
	switch method {
	case http.MethodHead:
		return "HeadObject"
	case http.MethodGet:
		switch {
		case query.Has("uploadId"):
			return "ListParts"
		case query.Has("attributes"):
			return "GetObjectAttributes"
		case query.Has("torrent"):
			return "GetObjectTorrent"
		case query.Has("annotation") && !query.Has("annotationName"):
			return "ListObjectAnnotations"
		}
		return "GetObject" + objectNoun(query)
	case http.MethodPut:
		switch noun := objectNoun(query); {
		case query.Has("uploadId") && copied:
			return "UploadPartCopy"
		case query.Has("uploadId"):
			return "UploadPart"
		case query.Has("renameObject"):
			return "RenameObject"
		case noun == "" && copied:
			return "CopyObject"
		default:
			return "PutObject" + noun
		}
	case http.MethodDelete:
		if query.Has("uploadId") {
			return "AbortMultipartUpload"
		}
		return "DeleteObject" + objectNoun(query)
	case http.MethodPost:
		switch {
		case query.Has("uploads"):
			return "CreateMultipartUpload"
		case query.Has("uploadId"):
			return "CompleteMultipartUpload"
		case query.Has("restore"):
			return "RestoreObject"
		case query.Has("select"):
			return "SelectObjectContent"
		}
	}
	return ""
}

// objectNoun names the part of an object that the query addresses; empty for
// the object itself.
func objectNoun(query url.Values) string {
	switch {
	case query.Has("tagging"):
		return "Tagging"
	case query.Has("acl"):
		return "Acl"
	case query.Has("retention"):
		return "Retention"
	case query.Has("legal-hold"):
		return "LegalHold"
	case query.Has("annotation"):
		return "Annotation"
	}
	return ""
}
