package amazon_test

import (
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"

	"github.com/residency/residency/inventory/objectstore/storetest/amazon"
)

// asked is a server with a bucket in each region, and what was asked of it.
type asked struct {
	t      *testing.T
	s      *amazon.Server
	us, eu *s3.Client
}

// is asserts what an answer was.
func (a *asked) is(what string, err error, want string) {
	a.t.Helper()
	if got := code(err); got != want {
		a.t.Errorf("%s: %s, want %s", what, got, want)
	}
}

const (
	ok        = "ok"
	forbidden = "Forbidden: AccessDenied"
	badly     = "Bad Request: InvalidRequest"
)

func ptr[T any](v T) *T { return &v }

// questions are asked about each rule: a request that it lets pass, and one that it
// does not.
func questions() map[string]func(*asked) {
	return merged(requestQuestions(), bucketQuestions(), objectQuestions(), copyQuestions(), deleteQuestions())
}

func merged(all ...map[string]func(*asked)) map[string]func(*asked) {
	one := map[string]func(*asked){}
	for _, m := range all {
		maps.Copy(one, m)
	}
	return one
}

func TestEveryRuleIsAsked(t *testing.T) {
	got, want := slices.Sorted(maps.Keys(questions())), slices.Sorted(slices.Values(amazon.RuleIDs()))
	if !slices.Equal(got, want) {
		t.Errorf("asked %v\nrules %v", got, want)
	}
}

func TestRules(t *testing.T) {
	for _, rule := range slices.Sorted(maps.Keys(questions())) {
		t.Run(rule, func(t *testing.T) {
			t.Parallel()
			s := amazon.Start(t, amazon.Options{MaxCopy: 10, MaxBuckets: 3, Users: []amazon.User{
				{Name: "nobody"}, {Name: "foreigner", Account: "999988887777", Root: true},
			}})
			bucket(t, s, "us-east-1", "here")
			versioned(t, s, "eu-west-1", "there")
			a := &asked{t, s, s.Client("us-east-1"), s.Client("eu-west-1")}
			if questions()[rule](a); a.s.Applied()[rule] == 0 {
				t.Errorf("the rule was not applied; applied were %v", a.s.Applied())
			}
		})
	}
}

// as gives a client whose policy allows some actions on everything.
func (a *asked) as(actions ...string) *s3.Client {
	a.t.Helper()
	policy := `{"Version": "2012-10-17", "Statement": {"Effect": "Allow", "Action": ["` + strings.Join(actions,
		`", "`) + `"], "Resource": "*"}}`
	if err := a.s.SetPolicy("nobody", policy); err != nil {
		a.t.Fatal(err)
	}
	return a.s.ClientAs("nobody", "us-east-1")
}

func (a *asked) put(c *s3.Client, in *s3.PutObjectInput) error {
	if in.Bucket == nil {
		in.Bucket = ptr("here")
	}
	if in.Key == nil {
		in.Key = ptr("k")
	}
	in.Body = strings.NewReader("one")
	_, err := c.PutObject(a.t.Context(), in)
	return err
}

func (a *asked) must(err error) {
	a.t.Helper()
	if err != nil {
		a.t.Fatal(err)
	}
}

func requestQuestions() map[string]func(*asked) {
	return map[string]func(*asked){
		"host": func(a *asked) {
			for address, want := range map[string]bool{
				"https://s3.eu-west-1.amazonaws.com": true, "https://here.s3.us-east-1.amazonaws.com": true,
				"https://s3.amazonaws.com":            true,
				"https://s3.eu-south-9.amazonaws.com": false, "https://s3.cn-north-1.amazonaws.com": false,
				"https://example.com":                     false,
				"https://s3.eusc-de-east-1.amazonaws.com": false, "https://s3.us-gov-west-1.amazonaws.com.cn": false,
				"https://elsewhere.eu-west-1.amazonaws.com": false, "https://sts.amazonaws.eu": false,
			} {
				r, err := http.NewRequestWithContext(a.t.Context(), http.MethodGet, address, nil)
				a.must(err)
				resp, err := a.s.HTTPClient().Do(r)
				if err == nil {
					_ = resp.Body.Close()
				}
				if (err == nil) != want {
					a.t.Errorf("%s: answered %t (%v), want %t", address, err == nil, err, want)
				}
			}
		},
		"partition": func(a *asked) {
			china := a.s.Client("cn-north-1")
			_, err := china.ListBuckets(a.t.Context(), &s3.ListBucketsInput{})
			a.is("another partition", err, "Forbidden: InvalidAccessKeyId")
			_, err = a.us.ListBuckets(a.t.Context(), &s3.ListBucketsInput{})
			a.is("its own", err, ok)
			two := amazon.Start(a.t, amazon.Options{Regions: []string{"us-gov-west-1", "eu-west-1"}, Users: []amazon.User{
				{Name: "gov", Root: true}, {Name: "eu", Root: true, Partition: "aws"}}})
			bucket(a.t, two, "us-gov-west-1", "one-name")
			bucket(a.t, two, "eu-west-1", "one-name") // is another bucket
			for _, tt := range []struct{ user, region, want string }{
				{"gov", "us-gov-west-1", ok}, {"gov", "eu-west-1", "Forbidden: InvalidAccessKeyId"},
				{"eu", "us-gov-west-1", "Forbidden: InvalidAccessKeyId"}, {"eu", "eu-west-1", ok},
			} {
				_, err := two.ClientAs(tt.user, tt.region).ListBuckets(a.t.Context(), &s3.ListBucketsInput{})
				a.is(tt.user+" in "+tt.region, err, tt.want)
			}
		},
		"signature-scope": func(a *asked) {
			resign := func(o *s3.Options) { o.BaseEndpoint = ptr("https://s3.eu-west-1.amazonaws.com") }
			_, err := a.us.ListBuckets(a.t.Context(), &s3.ListBucketsInput{}, resign)
			a.is("signed for us-east-1, sent to eu-west-1", err, "Bad Request: AuthorizationHeaderMalformed")
			_, err = a.eu.ListBuckets(a.t.Context(), &s3.ListBucketsInput{}, resign)
			a.is("signed for eu-west-1", err, ok)
		},
		"clock": func(a *asked) {
			now := time.Now()
			for _, tt := range []struct {
				off  time.Duration
				want string
			}{{0, ok}, {14 * time.Minute, ok}, {16 * time.Minute, "Forbidden: RequestTimeTooSkewed"}} {
				late := amazon.Start(a.t, amazon.Options{Regions: []string{"us-east-1"},
					Now: func() time.Time { return now.Add(tt.off) }})
				_, err := late.Client("us-east-1").ListBuckets(a.t.Context(), &s3.ListBucketsInput{})
				a.is(tt.off.String(), err, tt.want)
				if tt.want != ok {
					a.s = late
				}
			}
		},
		"signed-headers": func(a *asked) {
			_, err := a.us.ListBuckets(a.t.Context(), &s3.ListBucketsInput{},
				unsigned("X-Amz-Expected-Bucket-Owner", "1"))
			a.is("not signed", err, forbidden)
		},
		"unknown": func(a *asked) {
			_, err := a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here")},
				header("X-Amz-Made-Up", "1"))
			a.is("a header", err, "Not Implemented: NotImplemented")
			_, err = a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here")}, header("Owner",
				"1"))
			a.is("a header of no kind", err, "Not Implemented: NotImplemented")
			_, err = a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here")}, query("made-up"))
			a.is("a parameter", err, "Bad Request: InvalidArgument")
			_, err = a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here"),
				FetchOwner: ptr(true)})
			a.is("known ones", err, ok)
		},
		"region": func(a *asked) {
			_, err := a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("there")})
			a.is("list", err, "Moved Permanently: PermanentRedirect")
			head, err := a.us.HeadBucket(a.t.Context(), &s3.HeadBucketInput{Bucket: ptr("there")})
			a.is("head", err, "Moved Permanently: MovedPermanently")
			if region := redirectedTo(err); head != nil || region != "eu-west-1" {
				a.t.Errorf("redirected to %q", region)
			}
			_, err = a.eu.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("there")})
			a.is("its own", err, ok)
		},
		"owner": func(a *asked) {
			for account, want := range map[string]string{"111122223333": ok, "999988887777": forbidden} {
				_, err := a.us.ListObjectsV2(a.t.Context(), &s3.ListObjectsV2Input{Bucket: ptr("here"),
					ExpectedBucketOwner: &account})
				a.is(account, err, want)
			}
		},
		"source-owner": func(a *asked) {
			a.must(a.put(a.us, &s3.PutObjectInput{}))
			for account, want := range map[string]string{"111122223333": ok, "999988887777": forbidden} {
				_, err := a.eu.CopyObject(a.t.Context(), &s3.CopyObjectInput{
					Bucket: ptr("there"), Key: ptr("k"), CopySource: ptr("here/k"), ExpectedSourceBucketOwner: &account,
				})
				a.is(account, err, want)
			}
		},
		"checksum-demanded": func(a *asked) {
			in := &s3.PutBucketTaggingInput{Bucket: ptr("here"),
				Tagging: &types.Tagging{TagSet: []types.Tag{{Key: ptr("a"), Value: ptr("b")}}}}
			_, err := a.us.PutBucketTagging(a.t.Context(), in)
			a.is("with one, which the SDK adds", err, ok)
			_, err = a.us.PutBucketTagging(a.t.Context(), in, without("X-Amz-Checksum-Crc32"))
			a.is("without", err, badly)
		},
		"permissions":   askPermissions,
		"404-is-403":    ask404,
		"tagging-count": askTaggingCount,
	}
}
