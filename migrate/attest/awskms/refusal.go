package awskms

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/remedy"
)

// refusal is what KMS did not do.
type refusal struct {
	name      Name
	operation string
	code      string // the service's; empty if no answer came
	status    int
	kind      error // one of package objectstore's, or nil
	err       error
}

func (r *refusal) Error() string {
	text := fmt.Sprintf("%s: kms:%s", r.name, r.operation)
	if r.code != "" {
		text += fmt.Sprintf(" (%s, status %d)", r.code, r.status)
	}
	switch {
	case r.kind != nil && r.err != nil:
		return text + ": " + r.kind.Error() + ": " + r.err.Error()
	case r.kind != nil:
		return text + ": " + r.kind.Error()
	}
	return text + ": refused"
}

func (r *refusal) Unwrap() []error {
	var all []error
	for _, err := range []error{r.kind, r.err} {
		if err != nil {
			all = append(all, err)
		}
	}
	return all
}

// Remedy implements what package remedy asks for.
func (r *refusal) Remedy() string {
	switch {
	case r.code == "DisabledException", r.code == "KMSInvalidStateException":
		return "enable the key (aws kms enable-key), or cancel its deletion"
	case r.code == "InvalidKeyUsageException":
		return remedy.For(ErrKind)
	case errors.Is(r.kind, objectstore.ErrDenied):
		return "allow kms:GetPublicKey and kms:Sign on the key, in its key policy or in a policy of who runs this"
	case errors.Is(r.kind, objectstore.ErrNotFound):
		return "check the region, the account and the ID or alias in the key's ARN"
	case errors.Is(r.kind, objectstore.ErrCredentials):
		return "check the credentials of AWS's standard chain (AWS_PROFILE, or AWS_ACCESS_KEY_ID and " +
			"AWS_SECRET_ACCESS_KEY): keys are used with those, whatever profiles the configuration names"
	}
	return remedy.For(r.kind)
}

// isCode tells whether a text is what a service may call an error; anything else is not shown.
func isCode(text string) bool {
	return text != "" && len(text) <= 80 && !strings.ContainsFunc(text, func(r rune) bool {
		return r != '.' && (r < 'A' || r > 'Z') && (r < 'a' || r > 'z')
	})
}

// refused reads an error document (AWS JSON 1.1 protocol: __type, after a # if there is one).
func (c *client) refused(operation string, answer *http.Response, document []byte) error {
	var said struct {
		Type string `json:"__type"`
	}
	if json.Unmarshal(document, &said) != nil || said.Type == "" {
		said.Type, _, _ = strings.Cut(answer.Header.Get("X-Amzn-Errortype"), ":")
	}
	name := said.Type[strings.LastIndexByte(said.Type, '#')+1:]
	if !isCode(name) {
		name = "an error without a name"
	}
	return &refusal{name: c.name, operation: operation, code: name, status: answer.StatusCode,
		kind: kindOf(name, answer.StatusCode)}
}

// kindOf sorts codes (AWS KMS API Reference, "Sign", "GetPublicKey" and "Common Error Types").
func kindOf(name string, status int) error {
	switch name {
	case "AccessDeniedException", "AccessDenied", "NotAuthorized", "OptInRequired":
		return objectstore.ErrDenied
	case "NotFoundException":
		return objectstore.ErrNotFound
	case "UnrecognizedClientException", "InvalidClientTokenId", "InvalidSignatureException", "ExpiredTokenException",
		"IncompleteSignature", "IncompleteSignatureException", "MissingAuthenticationToken",
		"MissingAuthenticationTokenException":
		return objectstore.ErrCredentials
	case "ThrottlingException", "Throttling", "LimitExceededException", "RequestLimitExceeded":
		return objectstore.ErrThrottled
	case "DisabledException", "KMSInvalidStateException", "InvalidKeyUsageException", "DryRunOperationException":
		return nil
	}
	if status >= http.StatusInternalServerError {
		return objectstore.ErrPassing
	}
	return objectstore.ErrRejected
}
