package awskms

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	v4 "github.com/aws/aws-sdk-go-v2/aws/signer/v4"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/smithy-go/logging"

	"github.com/residency/residency/inventory/objectstore"
)

const (
	attempts      = 4                      // of one request
	firstPause    = 250 * time.Millisecond // before the second attempt; doubled for each further one
	attemptTime   = 15 * time.Second
	longestAnswer = 64 << 10 // bytes of an answer, and of its header
)

// client sends requests to the KMS of one region.
type client struct {
	name        Name
	options     Options
	http        *http.Client
	credentials aws.CredentialsProvider
	signer      *v4.Signer
}

// newClient loads credentials as all tools of AWS's do, for example of AWS_PROFILE. It sends no request to KMS.
func newClient(ctx context.Context, name Name, o Options) (*client, error) {
	o = o.defaults()
	if name.host() == "" {
		return nil, fmt.Errorf("%s: no address of KMS is known in partition %s", name, name.Partition)
	}
	transport := awshttp.NewBuildableClient().WithTransportOptions(func(t *http.Transport) {
		t.MaxResponseHeaderBytes = longestAnswer
		if o.Proxy != nil {
			t.Proxy = o.Proxy
		}
	})
	// The region is that of the chain's own questions, such as to STS: it is the key's, whatever the environment says.
	base, err := config.LoadDefaultConfig(ctx, config.WithHTTPClient(transport), config.WithRegion(name.Region),
		config.WithLogger(logging.Nop{}))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", name, objectstore.ErrSettings)
	}
	sends := &http.Client{Transport: http.DefaultTransport, CheckRedirect: stay, Timeout: attemptTime}
	if built, ok := base.HTTPClient.(*awshttp.BuildableClient); ok { // with the certificates of AWS_CA_BUNDLE
		sends.Transport = built.GetTransport()
	}
	return &client{name: name, options: o, http: sends, credentials: base.Credentials, signer: v4.NewSigner()}, nil
}

// stay follows no redirect: KMS makes none.
func stay(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// call sends one request until it is answered for good. Both operations can be repeated.
func (c *client) call(ctx context.Context, operation string, in, out any) error {
	body, err := json.Marshal(in)
	if err != nil {
		return err
	}
	for n := 1; ; n++ {
		err := c.attempt(ctx, operation, body, out)
		if err == nil || n == attempts || !objectstore.Passes(err) || ctx.Err() != nil {
			return err
		}
		if err := c.options.Pause(ctx, firstPause<<(n-1)); err != nil {
			return err
		}
	}
}

func (c *client) attempt(ctx context.Context, operation string, body []byte, out any) error {
	used, err := c.credentials.Retrieve(ctx)
	if err != nil {
		// The cause may hold what nobody is to see, as the output of a credential_process.
		return &refusal{name: c.name, operation: operation, kind: objectstore.ErrCredentials}
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, "https://"+c.name.host()+"/", bytes.NewReader(body))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-amz-json-1.1")
	r.Header.Set("X-Amz-Target", "TrentService."+operation)
	sum := sha256.Sum256(body)
	if err := c.signer.SignHTTP(ctx, used, r, hex.EncodeToString(sum[:]), "kms", c.name.Region,
		c.options.Now()); err != nil {
		return fmt.Errorf("%s: sign the request: %w", c.name, err)
	}
	answer, err := c.http.Do(r)
	if err != nil {
		return &refusal{name: c.name, operation: operation, kind: objectstore.ErrUnanswered, err: err}
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, longestAnswer+1))
	switch {
	case err != nil:
		return &refusal{name: c.name, operation: operation, kind: objectstore.ErrUnanswered, err: err}
	case len(data) > longestAnswer:
		return fmt.Errorf("%s: KMS answered with more than %d bytes", c.name, longestAnswer)
	case answer.StatusCode != http.StatusOK:
		return c.refused(operation, answer, data)
	}
	if err := json.Unmarshal(data, out); err != nil {
		return fmt.Errorf("%s: KMS answered %s with what cannot be read", c.name, operation)
	}
	return nil
}
