package s3store

import (
	"crypto/md5"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"

	"github.com/residency/residency/inventory/objectstore"
)

// isSum tells of a header that is about checksums, which services that came before them
// (2022) may refuse, and no request needs: what a copy is like is found out by what the
// service answers, and where it answers nothing by reading.
func isSum(name string) bool {
	return strings.HasPrefix(name, "X-Amz-Checksum-") || strings.HasPrefix(name, "X-Amz-Sdk-Checksum-")
}

func summing(h http.Header) bool {
	for name := range h {
		if isSum(name) {
			return true
		}
	}
	return false
}

// alsoMD5 adds to a document that is sent with a checksum its MD5, which older services
// demand instead (Amazon S3 API Reference, "DeleteObjects", Content-MD5).
func alsoMD5(r *http.Request, body []byte) {
	if len(body) > 0 && r.Header.Get("Content-Md5") == "" && summing(r.Header) {
		sum := md5.Sum(body)
		r.Header.Set("Content-Md5", base64.StdEncoding.EncodeToString(sum[:]))
	}
}

// plain takes the headers about checksums away where the service has refused them.
func (t *transport) plain(r *http.Request) {
	if t.sumless[side(r)].Load() {
		dropSums(r.Header)
	}
}

func dropSums(h http.Header) {
	for name := range h {
		if isSum(name) {
			delete(h, name)
		}
	}
}

// side tells apart what asks for checksums (1) from what brings them (0).
func side(r *http.Request) int {
	if r.Method == http.MethodGet || r.Method == http.MethodHead {
		return 1
	}
	return 0
}

// errPlain reports a body that cannot be sent again: the next one goes without a checksum.
var errPlain = errors.New("the service refuses checksums; what follows is sent without")

// refusesSums tells whether a refusal may be for the headers about checksums, and not for
// what they say.
func refusesSums(r *http.Request, err error) bool {
	var api smithy.APIError
	if !errors.As(err, &api) || !summing(r.Header) || strings.Contains(api.ErrorMessage(), sseStored) {
		return false
	}
	switch code := api.ErrorCode(); code {
	case "InvalidArgument", "InvalidRequest", "BadRequest":
		return r.Method != http.MethodHead // which says as little of other things
	default:
		return errors.Is(kind(code), objectstore.ErrNotOffered) && code != "MethodNotAllowed"
	}
}

// stillRefuses tells whether a request without such headers was refused as before, or had no
// answer: then they were not what was wrong.
func stillRefuses(err error) bool {
	var response *awshttp.ResponseError
	if !errors.As(err, &response) {
		return err != nil
	}
	status := response.HTTPStatusCode()
	return status == http.StatusBadRequest || status == http.StatusNotImplemented
}
