package amazon

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"net/url"
)

// sts answers GetCallerIdentity, for which no permission is needed and which no
// policy can take away (AWS STS API Reference, "GetCallerIdentity").
func (c *call) sts() {
	body, err := io.ReadAll(io.LimitReader(c.r.Body, maxDocument))
	c.body, c.read = body, true
	form, parseErr := url.ParseQuery(string(body))
	if err != nil || parseErr != nil {
		c.stsRefused(refuse(http.StatusBadRequest, "MalformedQueryString", "the body is no form"))
		return
	}
	sum := sha256.Sum256(body)
	user, refused := c.server.authenticate(c.r, c.host, hex.EncodeToString(sum[:]))
	if refused != nil {
		c.stsRefused(refused)
		return
	}
	c.user, c.operation = user, form.Get("Action")
	if fault, ok := c.server.decide(c); ok {
		if refused := c.fail(fault); refused != nil {
			c.stsRefused(refused)
		}
		return
	}
	if c.operation != "GetCallerIdentity" {
		c.stsRefused(refuse(http.StatusBadRequest, "InvalidAction", "Could not find operation %s", c.operation))
		return
	}
	arn := user.arn()
	c.server.note(user.Name, func(l *ledger) map[string]bool { return l.used }, "sts:GetCallerIdentity")
	_ = c.answer(http.StatusOK, fmt.Appendf(nil,
		`<GetCallerIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
			`<GetCallerIdentityResult><Arn>%s</Arn><UserId>AIDA%s</UserId><Account>%s</Account></GetCallerIdentityResult>`+
			`<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></GetCallerIdentityResponse>`,
		arn, user.AccessKey[4:], user.Account, c.id))
}

// stsRefused answers with an error as STS writes it.
func (c *call) stsRefused(r *refusal) {
	code := r.code
	if code == "InvalidAccessKeyId" {
		code = "InvalidClientTokenId"
	}
	_ = c.answer(r.status, fmt.Appendf(nil, `<ErrorResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/">`+
		`<Error><Type>Sender</Type><Code>%s</Code><Message>%s</Message></Error><RequestId>%s</RequestId></ErrorResponse>`,
		code, r.message, c.id))
}
