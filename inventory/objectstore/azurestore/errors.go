package azurestore

import (
	"cmp"
	"context"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/wire"
)

const (
	rootBlob     = "OperationNotAllowedOnRootBlob"
	refusedLogin = "the service does not take the credentials"
)

// kind maps error codes ("Blob service error codes", "Common REST API error codes", and those of
// Azure Resource Manager) to what callers decide on.
func kind(code string) error {
	switch code {
	case "ContainerNotFound", "ContainerBeingDeleted", "ContainerDisabled":
		return objectstore.ErrNoBucket
	case "BlobNotFound", "ResourceNotFound", "ResourceGroupNotFound", "SubscriptionNotFound",
		"InvalidBlockList": // a block that is not there any more
		return objectstore.ErrNotFound
	case "BlobAlreadyExists", "ConditionNotMet", "SourceConditionNotMet", "TargetConditionNotMet":
		return objectstore.ErrPrecondition
	case "ContainerAlreadyExists", "ResourceAlreadyExists", "AccountAlreadyExists":
		return objectstore.ErrExists
	case "AuthenticationFailed", "InvalidAuthenticationInfo", "NoAuthenticationInformation", "InvalidAuthenticationToken",
		"ExpiredAuthenticationToken", "InvalidAuthenticationTokenTenant":
		return objectstore.CredentialsError{Text: refusedLogin,
			Next: "check this machine's clock and AZURE_STORAGE_KEY, or log in anew"}
	case "AuthorizationFailure", "AuthorizationPermissionMismatch", "AuthorizationProtocolMismatch",
		"AuthorizationResourceTypeMismatch", "AuthorizationServiceMismatch", "AuthorizationSourceIPMismatch",
		"InsufficientAccountPermissions", "AuthorizationFailed", "KeyBasedAuthenticationNotPermitted", "AccountIsDisabled",
		"UnauthorizedBlobOverwrite", "PublicAccessNotPermitted":
		return objectstore.ErrDenied
	case rootBlob: // HTTP 403, and not a denial
		return objectstore.ErrRejected
	case "BlobArchived", "BlobBeingRehydrated":
		return objectstore.ErrArchived
	case "BlobUsesCustomerSpecifiedEncryption":
		return objectstore.ErrCustomerKey
	case "Md5Mismatch", "Crc64Mismatch":
		return objectstore.ErrCorrupt
	case "InvalidRange":
		return objectstore.ErrRange
	case "ServerBusy", "TooManyRequests":
		return objectstore.ErrThrottled
	case "InternalError", "OperationTimedOut", "BlobOverwritten", "AccountBeingCreated", "SystemInUse":
		return objectstore.ErrPassing
	case "UnsupportedHeader", "UnsupportedQueryParameter", "UnsupportedHttpVerb", "FeatureVersionMismatch",
		"InvalidHttpVerb", "APINotImplemented", "FeatureNotSupportedForAccount":
		return objectstore.ErrNotOffered
	}
	// Codes of policies and holds are many, and their documents name few of them.
	if strings.Contains(code, "Immutab") || strings.Contains(code, "LegalHold") {
		return objectstore.ErrLocked
	}
	return nil
}

// byStatus serves codes that nobody knows.
func byStatus(status int) error {
	if status == http.StatusUnauthorized {
		return objectstore.CredentialsError{Text: refusedLogin, Next: "log in anew"}
	}
	if k := wire.Kind(status); k != nil {
		return k
	}
	return objectstore.ErrRejected
}

// refused makes an error of an answer that is no success, and closes its body.
func (c *call) refused(resp *http.Response) error {
	text, _ := io.ReadAll(io.LimitReader(resp.Body, maxError)) // its code may be in the header all the same
	_ = resp.Body.Close()
	code := cmp.Or(token(resp.Header.Get("x-ms-error-code")), codeIn(text))
	e := &objectstore.Error{Op: c.op, Bucket: c.where, Code: cmp.Or(code, "no code"), Status: resp.StatusCode,
		Kind: kind(code)}
	if e.Kind == nil {
		e.Kind = byStatus(e.Status)
	}
	switch {
	case strings.HasPrefix(code, "Lease"):
		e.Kind, e.Hint = objectstore.ErrRejected, "somebody holds a lease on it"
	case code == "SnapshotsPresent":
		e.Kind, e.Hint = objectstore.ErrRejected, "it has snapshots, which have to go first"
	case code == "CannotVerifyCopySource": // with the status of what the source has answered
		if errors.Is(e.Kind, objectstore.ErrDenied) {
			e.Bucket, e.Kind, e.Needs = cmp.Or(c.source, c.where), objectstore.ErrSourceClosed, []string{readBlobs}
			e.Hint = "it needs " + readBlobs + "; or the network rules of the account do not let that service in"
		} else {
			e.Hint = "the destination's service could not read the source"
		}
	case errors.Is(e.Kind, objectstore.ErrElsewhere):
		if to, err := resp.Location(); err == nil {
			e.Hint = "it points to " + (&url.URL{Scheme: to.Scheme, Host: to.Host}).String() +
				", which is not followed, because requests carry tokens and data"
		}
	case errors.Is(e.Kind, objectstore.ErrDenied) && len(c.needs) > 0:
		e.Needs, e.Hint = c.needs, "it needs "+strings.Join(c.needs, ", ")
		if code == "AuthorizationFailure" { // "Azure Storage firewall rules", troubleshooting
			e.Hint += "; or the account's firewall does not let this machine in"
		}
	}
	return e
}

// codeIn finds the code in the body of a refusal, which is XML or, of Resource Manager, JSON.
func codeIn(text []byte) string {
	var x struct {
		XMLName xml.Name `xml:"Error"`
		Code    string   `xml:"Code"`
	}
	if xml.Unmarshal(text, &x) == nil && x.Code != "" {
		return token(x.Code)
	}
	var j struct {
		Code  string `json:"code"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if json.Unmarshal(text, &j) == nil {
		return token(cmp.Or(j.Error.Code, j.Code))
	}
	return ""
}

// token lets nothing through that is no code: what a server says there goes into texts.
func token(code string) string {
	if len(code) > 80 {
		return ""
	}
	for i := range len(code) {
		if c := code[i]; !alphanumeric(c) && strings.IndexByte("_-.", c) < 0 {
			return ""
		}
	}
	return code
}

// unsent makes an error of a request to which no answer came.
func (c *call) unsent(ctx context.Context, err error) error {
	e := &objectstore.Error{Op: c.op, Bucket: c.where}
	var credentials objectstore.CredentialsError
	switch {
	case errors.As(err, &credentials):
		e.Kind = credentials
		return e
	case errors.Is(err, objectstore.ErrInsecure), errors.Is(err, objectstore.ErrStalled):
	default:
		var broken net.Error
		err = named(ctx, err)
		cut := errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF)
		if ctx.Err() == nil && (cut || errors.As(err, &broken)) {
			e.Kind = objectstore.ErrUnanswered
		}
	}
	e.Err = named(ctx, err)
	return e
}

// named is an error without the request's address, which may hold a key.
func named(ctx context.Context, err error) error {
	if ended := ctx.Err(); ended != nil && (errors.Is(err, ended) || errors.Is(err, context.Cause(ctx))) {
		return ended
	}
	var at *url.Error
	for errors.As(err, &at) {
		err = at.Err
	}
	return err
}

// broken makes an error of an answer that cannot be right.
func (c *call) broken(err error) error {
	return &objectstore.Error{Op: c.op, Bucket: c.where, Err: err}
}
