package awskms_test

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
	"github.com/residency/residency/inventory/remedy"
	"github.com/residency/residency/migrate/attest"
	"github.com/residency/residency/migrate/attest/awskms"
)

var _ attest.Signer = (*awskms.Key)(nil)

const (
	signer = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": ["kms:GetPublicKey", "kms:Sign"],
		"Resource": "arn:aws:kms:eu-west-1:111122223333:key/*"}]}`
	reader = `{"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": "kms:GetPublicKey",
		"Resource": "*"}]}`
)

// service starts one, whose users are a signer, and who may read public keys alone.
func service(t *testing.T, user string) *amazon.Server {
	t.Helper()
	s := amazon.Start(t, amazon.Options{Regions: []string{"eu-west-1"},
		Users: []amazon.User{{Name: "signer", Policy: signer}, {Name: "reader", Policy: reader}}})
	s.Setenv(t, user)
	return s
}

func add(t *testing.T, s *amazon.Server, k amazon.SigningKey) awskms.Name {
	t.Helper()
	k.Region = "eu-west-1"
	arn, err := s.AddSigningKey(k)
	if err != nil {
		t.Fatal(err)
	}
	return parse(t, awskms.Scheme+"/"+arn)
}

func parse(t *testing.T, text string) awskms.Name {
	t.Helper()
	name, err := awskms.Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return name
}

func options(s *amazon.Server) awskms.Options {
	return awskms.Options{Proxy: s.Through, Pause: func(ctx context.Context, _ time.Duration) error { return ctx.Err() }}
}

func TestKeySignsAnEnvelope(t *testing.T) {
	s := service(t, "signer")
	name := add(t, s, amazon.SigningKey{ID: "one", Alias: "alias/signs"})
	alias := name
	alias.Resource = "alias/signs"
	for _, n := range []awskms.Name{name, alias} {
		key, err := awskms.Open(t.Context(), n, options(s))
		if err != nil {
			t.Fatal(err)
		}
		if err := key.Try(t.Context()); err != nil {
			t.Errorf("%s: Try() = %v", n, err)
		}
		if key.Name() != name {
			t.Errorf("%s leads to %s, want %s", n, key.Name(), name)
		}
		if n == alias { // what the name stands for later is not this key's business
			add(t, s, amazon.SigningKey{ID: "two", Alias: "alias/signs"})
		}
		const certificate = `{"schema": "residency/certificate/2"}`
		statement, err := attest.New([]byte(certificate), []attest.Subject{attest.NewSubject("certificate.json",
			[]byte(certificate))})
		if err != nil {
			t.Fatal(err)
		}
		data, err := attest.Sign(t.Context(), nil, statement, key)
		if err != nil {
			t.Fatal(err)
		}
		verify(t, data, key)
	}
	if got := s.Counts(); got["Sign"] != 4 || got["GetPublicKey"] != 2 {
		t.Errorf("requests: %v, want each key to be tried and to sign once", got)
	}
	for _, host := range s.Hosts() {
		if host != "kms.eu-west-1.amazonaws.com:443" {
			t.Errorf("asked %s", host)
		}
	}
}

func verify(t *testing.T, envelope []byte, key *awskms.Key) {
	t.Helper()
	text, err := attest.PublicPEM(key.Public())
	if err != nil {
		t.Fatal(err)
	}
	check, err := attest.ParseVerifier(text)
	if err != nil {
		t.Fatal(err)
	}
	e, err := attest.Parse(envelope)
	if err != nil {
		t.Fatal(err)
	}
	if err := e.Verify(t.Context(), check); err != nil {
		t.Errorf("%s: %v", key.Name(), err)
	}
}

// What cannot sign is found on opening a key, or on trying it, and says what to do.
func TestKeysThatDoNotSign(t *testing.T) {
	tests := []struct {
		name, user string
		key        amazon.SigningKey
		disable    bool
		opens      bool  // and does not sign
		want       error // nil: any
		remedy     string
	}{
		{"may not sign", "reader", amazon.SigningKey{ID: "a"}, false, true, objectstore.ErrDenied, "kms:Sign"},
		{"of another account", "signer", amazon.SigningKey{ID: "a", Account: "444455556666"}, false, false,
			objectstore.ErrDenied, "kms:GetPublicKey"},
		{"Ed25519", "signer", amazon.SigningKey{ID: "a", Spec: "ECC_NIST_EDWARDS25519"}, false, false, awskms.ErrKind,
			"ECC_NIST_P256"},
		{"P-384", "signer", amazon.SigningKey{ID: "a", Spec: "ECC_NIST_P384"}, false, false, awskms.ErrKind,
			"ECC_NIST_P256"},
		{"agrees on keys", "signer", amazon.SigningKey{ID: "a", Usage: "KEY_AGREEMENT"}, false, false, awskms.ErrKind,
			"SIGN_VERIFY"},
		{"disabled", "signer", amazon.SigningKey{ID: "a"}, true, false, nil, "enable-key"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			s := service(t, tt.user)
			name := add(t, s, tt.key)
			if tt.disable {
				s.DisableSigningKey(name.ARN())
			}
			key, err := awskms.Open(t.Context(), name, options(s))
			if tt.opens {
				if err != nil {
					t.Fatal(err)
				}
				err = key.Try(t.Context())
			}
			if err == nil || tt.want != nil && !errors.Is(err, tt.want) {
				t.Errorf("%v, want %v", err, tt.want)
			}
			if got := remedy.For(err); !strings.Contains(got, tt.remedy) {
				t.Errorf("remedy %q, want one with %q", got, tt.remedy)
			}
		})
	}
}

func TestOpenRefusals(t *testing.T) {
	s := service(t, "signer")
	name := add(t, s, amazon.SigningKey{ID: "one"})
	none := name
	none.Resource = "key/none"
	if _, err := awskms.Open(t.Context(), none, options(s)); !errors.Is(err, objectstore.ErrNotFound) {
		t.Errorf("a key that there is not: %v", err)
	}
	other := name
	other.Partition = "aws-nowhere"
	if _, err := awskms.Open(t.Context(), other, options(s)); err == nil {
		t.Error("a partition that nobody knows has an address")
	}
	t.Setenv("AWS_SECRET_ACCESS_KEY", "not the key")
	if _, err := awskms.Open(t.Context(), name, options(s)); !errors.Is(err, objectstore.ErrCredentials) {
		t.Errorf("with a wrong secret: %v", err)
	}
	for _, v := range []string{"AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"} {
		t.Setenv(v, "")
	}
	t.Setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent")
	if _, err := awskms.Open(t.Context(), name, options(s)); !errors.Is(err, objectstore.ErrCredentials) {
		t.Errorf("without credentials: %v", err)
	}
}

// Nothing in the environment puts another endpoint or another region in the place of the ARN's.
func TestEnvironmentDoesNotLeadElsewhere(t *testing.T) {
	s := service(t, "signer")
	name := add(t, s, amazon.SigningKey{ID: "one"})
	t.Setenv("AWS_ENDPOINT_URL_KMS", "http://127.0.0.1:1")
	t.Setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
	t.Setenv("AWS_REGION", "us-east-1")
	if _, err := awskms.Open(t.Context(), name, options(s)); err != nil {
		t.Error(err)
	}
}

func TestWhatPassesIsAskedAgain(t *testing.T) {
	s := service(t, "signer")
	name := add(t, s, amazon.SigningKey{ID: "one"})
	slow := amazon.Fault{Status: http.StatusBadRequest, Code: "ThrottlingException"}
	broken := amazon.Fault{Status: http.StatusInternalServerError, Code: "KMSInternalException"}
	decide, left := amazon.Plan(map[string][]amazon.Fault{"GetPublicKey": {slow, broken},
		"Sign": {slow, slow, slow, slow, slow}})
	s.SetFault(decide)
	key, err := awskms.Open(t.Context(), name, options(s))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := key.Sign(t.Context(), []byte("data")); !errors.Is(err, objectstore.ErrThrottled) {
		t.Errorf("always asked to slow down: %v", err)
	}
	if left() != 1 {
		t.Errorf("%d faults are left, want 1 of 7: two and four attempts", left())
	}
}

func TestParse(t *testing.T) {
	const key = "arn:aws:kms:eu-west-1:111122223333:key/1234abcd-12ab-34cd-56ef-1234567890ab"
	for text, want := range map[string]bool{
		"awskms:///" + key: true,
		"awskms:///arn:aws-eusc:kms:eusc-de-east-1:111122223333:alias/a/b_c": true,
		"awskms:///arn:aws:kms:eu-west-1:111122223333:key/mrk-1234":          true,
		"awskms://" + key:        false,
		key:                      false,
		"awskms:///alias/acme":   false,
		"awskms:///1234abcd":     false,
		"awskms:///" + key + "/": false,
		"awskms:///" + key + "?": false,
		"awskms:///arn:aws:s3:eu-west-1:111122223333:key/1":               false,
		"awskms:///arn:aws:kms:eu-west-1.evil.example:111122223333:key/1": false,
		"awskms:///arn:aws:kms:eu-west-1:1111:key/1":                      false,
		"awskms://localhost:4566/" + key:                                  false,
	} {
		name, err := awskms.Parse(text)
		if (err == nil) != want {
			t.Errorf("Parse(%q) = %v, want success %t", text, err, want)
		}
		if err == nil && name.String() != text {
			t.Errorf("Parse(%q) is %s", text, name)
		}
	}
	if !parse(t, "awskms:///arn:aws:kms:eu-west-1:111122223333:key/mrk-1").MultiRegion() ||
		parse(t, "awskms:///"+key).MultiRegion() {
		t.Error("multi-Region keys are not told apart")
	}
}

func FuzzParse(f *testing.F) {
	f.Add("awskms:///arn:aws:kms:eu-west-1:111122223333:key/1234abcd")
	f.Fuzz(func(t *testing.T, text string) {
		if name, err := awskms.Parse(text); err == nil && name.String() != text {
			t.Errorf("%q is read as %s", text, name)
		}
	})
}
