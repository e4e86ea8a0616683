package azure

import (
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
)

const (
	apiVersion = "2026-06-06"
	maxBody    = 256 << 20
)

func readBody(r *http.Request) ([]byte, error) {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody+1))
	if err == nil && len(body) > maxBody {
		err = fmt.Errorf("a body of more than %d bytes", maxBody)
	}
	return body, err
}

// refuse answers with an error ("Status and error codes").
func refuse(status int, code string) *answer {
	body, err := xml.Marshal(struct {
		XMLName xml.Name `xml:"Error"`
		Code    string
		Message string
	}{Code: code, Message: "refused by the stand-in"})
	if err != nil {
		panic(err) // the type is known
	}
	return &answer{status: status, body: body, header: map[string]string{"x-ms-error-code": code,
		"Content-Type": "application/xml"}}
}

// Refusals with their statuses ("Blob Storage error codes", "Common REST API error codes").
func notFound() *answer         { return refuse(http.StatusNotFound, "BlobNotFound") }
func noContainer() *answer      { return refuse(http.StatusNotFound, "ContainerNotFound") }
func unmet() *answer            { return refuse(http.StatusPreconditionFailed, "ConditionNotMet") }
func badHeader() *answer        { return refuse(http.StatusBadRequest, "InvalidHeaderValue") }
func badQuery() *answer         { return refuse(http.StatusBadRequest, "InvalidQueryParameterValue") }
func badInput() *answer         { return refuse(http.StatusBadRequest, "InvalidInput") }
func badMetadata() *answer      { return refuse(http.StatusBadRequest, "InvalidMetadata") }
func archived() *answer         { return refuse(http.StatusConflict, "BlobArchived") }
func immutable() *answer        { return refuse(http.StatusConflict, "BlobImmutableDueToPolicy") }
func unknownHeader() *answer    { return refuse(http.StatusBadRequest, "UnsupportedHeader") }
func unknownParameter() *answer { return refuse(http.StatusBadRequest, "UnsupportedQueryParameter") }
func unauthorized() *answer     { return refuse(http.StatusForbidden, "AuthenticationFailed") }
