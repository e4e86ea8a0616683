package amazon

import (
	"cmp"
	"encoding/xml"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// kind is how a setting of a bucket is answered where there is none.
type kind struct {
	code    string // of the error; empty: the document below
	nothing string // what a bucket without it answers
	deleted int    // the status of a deletion
}

// kinds are the settings that are held as documents, in the form in which they were
// given (Amazon S3 API Reference, the pages of their Get operations).
func kinds() map[string]kind {
	none := func(code string) kind { return kind{code: code, deleted: http.StatusNoContent} }
	empty := func(root string) kind { return kind{nothing: "<" + root + " " + namespace + "/>"} }
	return map[string]kind{
		"BucketEncryption":                {nothing: defaultEncryption, deleted: http.StatusNoContent},
		"BucketLifecycleConfiguration":    none("NoSuchLifecycleConfiguration"),
		"BucketReplication":               none("ReplicationConfigurationNotFoundError"),
		"BucketCors":                      none("NoSuchCORSConfiguration"),
		"BucketTagging":                   none("NoSuchTagSet"),
		"BucketPolicy":                    none("NoSuchBucketPolicy"),
		"BucketWebsite":                   none("NoSuchWebsiteConfiguration"),
		"BucketOwnershipControls":         none("OwnershipControlsNotFoundError"),
		"PublicAccessBlock":               none("NoSuchPublicAccessBlockConfiguration"),
		"BucketLogging":                   empty("BucketLoggingStatus"),
		"BucketNotificationConfiguration": empty("NotificationConfiguration"),
		"BucketAccelerateConfiguration":   empty("AccelerateConfiguration"),
		"BucketRequestPayment": {nothing: `<RequestPaymentConfiguration ` + namespace +
			`><Payer>BucketOwner</Payer></RequestPaymentConfiguration>`},
	}
}

// several are the settings of which a bucket has many, each with an id.
func several() map[string]string {
	return map[string]string{
		"BucketAnalyticsConfiguration":          "AnalyticsConfiguration",
		"BucketInventoryConfiguration":          "InventoryConfiguration",
		"BucketMetricsConfiguration":            "MetricsConfiguration",
		"BucketIntelligentTieringConfiguration": "IntelligentTieringConfiguration",
	}
}

// setting answers an operation on a bucket's setting, and tells whether it was one.
func (c *call) setting() (*refusal, bool) {
	verb, noun := "", ""
	for _, v := range []string{"Get", "Put", "Delete", "List"} {
		if rest, ok := strings.CutPrefix(c.operation, v); ok {
			verb, noun = v, rest
		}
	}
	if c.operation == "DeleteBucketLifecycle" {
		noun = "BucketLifecycleConfiguration"
	}
	if k, ok := kinds()[noun]; ok {
		return c.oneSetting(verb, noun, k), true
	}
	if root, ok := several()[strings.TrimSuffix(noun, "s")]; ok && (verb == "List" || !strings.HasSuffix(noun, "s")) {
		return c.manySettings(verb, strings.TrimSuffix(noun, "s"), root), true
	}
	return nil, false
}

func (c *call) oneSetting(verb, noun string, k kind) *refusal {
	b := c.bucket
	if noun == "BucketPolicy" && verb != "Get" {
		b.mu.Lock()
		if b.former, b.stale = b.settings[noun], 2*b.slow; b.slow > 0 {
			c.server.applied("policy-lag")
		}
		b.mu.Unlock()
	}
	switch verb {
	case "Put":
		b.set(noun, string(c.body))
		b.set(transitionSize, cmp.Or(c.r.Header.Get(transitionSize), b.setting(transitionSize)))
		if noun == "BucketTagging" || noun == "BucketPolicy" {
			return c.answer(http.StatusNoContent, nil)
		}
		return c.answer(http.StatusOK, nil)
	case "Delete":
		b.set(noun, "")
		return c.answer(k.deleted, nil)
	}
	text := b.setting(noun)
	if noun == "BucketTagging" {
		text = b.tagging(text)
	}
	if text == "" && k.code != "" {
		return notFound(k.code, "The "+noun+" does not exist").with("BucketName", c.name)
	}
	if text == "" {
		text = k.nothing
	}
	if noun == "BucketLifecycleConfiguration" {
		c.w.Header().Set(transitionSize, cmp.Or(b.setting(transitionSize), "all_storage_classes_128K"))
	}
	return c.answer(http.StatusOK, []byte(text))
}

// transitionSize is the part of a lifecycle that is told in a header (Amazon S3 API
// Reference, "PutBucketLifecycleConfiguration").
const transitionSize = "X-Amz-Transition-Default-Minimum-Object-Size"

func (c *call) manySettings(verb, noun, root string) *refusal {
	b, id := c.bucket, c.query.Get("id")
	switch verb {
	case "Put":
		b.set(noun+" "+id, string(c.body))
		return c.answer(http.StatusOK, nil)
	case "Delete":
		b.set(noun+" "+id, "")
		return c.answer(http.StatusNoContent, nil)
	case "Get":
		if text := b.setting(noun + " " + id); text != "" {
			return c.answer(http.StatusOK, []byte(text))
		}
		return notFound("NoSuchConfiguration", "The specified configuration does not exist.")
	}
	b.mu.Lock()
	var names []string
	for name := range b.settings {
		if strings.HasPrefix(name, noun+" ") {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	text := "<List" + root + "sResult " + namespace + "><IsTruncated>false</IsTruncated>"
	for _, name := range names {
		text += strings.TrimPrefix(b.settings[name], xml.Header)
	}
	b.mu.Unlock()
	return c.answer(http.StatusOK, []byte(text+"</List"+root+"sResult>"))
}

// tag is one of an object's or a bucket's.
type tag struct {
	Key   string `xml:"Key"`
	Value string `xml:"Value"`
}

type tagSet struct {
	Tags []tag `xml:"TagSet>Tag"`
}

// tagging adds the tags that services of Amazon's have given a bucket.
func (b *bucket) tagging(text string) string {
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.system) == 0 {
		return text
	}
	var set tagSet
	_ = xml.Unmarshal([]byte(text), &set) // was checked when it was given; nothing where there is none
	set.Tags = slices.DeleteFunc(set.Tags, func(t tag) bool { return slices.Contains(b.system, t) })
	return taggingDocument(slices.Concat(b.system, set.Tags))
}

func taggingDocument(tags []tag) string {
	var b strings.Builder
	b.WriteString(xml.Header + "<Tagging " + namespace + "><TagSet>")
	for _, t := range tags {
		b.WriteString("<Tag><Key>")
		_ = xml.EscapeText(&b, []byte(t.Key)) // a strings.Builder takes everything
		b.WriteString("</Key><Value>")
		_ = xml.EscapeText(&b, []byte(t.Value))
		b.WriteString("</Value></Tag>")
	}
	b.WriteString("</TagSet></Tagging>")
	return b.String()
}

// SetSystemTags gives a bucket tags as CloudFormation does: their keys begin with
// "aws:", and no request can set or remove them.
func (s *Server) SetSystemTags(bucket string, tags map[string]string) {
	b := s.must(bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.system = nil
	for key, value := range tags {
		b.system = append(b.system, tag{key, value})
	}
	slices.SortFunc(b.system, func(a, b tag) int { return strings.Compare(a.Key, b.Key) })
}

// SetMFADelete turns a bucket's MFA delete on or off, which only an account's root
// can, with a device.
func (s *Server) SetMFADelete(bucket string, on bool) {
	b := s.must(bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mfa = on
}

// SetVersioningLag has versioning, once it is turned on, come into force after so
// many writes only: until then they make null versions (Amazon S3 User Guide, "Using
// versioning in S3 buckets": up to 15 minutes). Without a bucket it is of those that
// are made from now on.
func (s *Server) SetVersioningLag(bucket string, writes int) {
	if bucket == "" {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.lag = writes
		return
	}
	b := s.must(bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.lag = writes
}

// SetPolicyLag has the bucket's policy of before decide so many times yet behind a
// change, each second time that one is asked.
func (s *Server) SetPolicyLag(bucket string, times int) {
	b := s.must(bucket)
	b.mu.Lock()
	defer b.mu.Unlock()
	b.slow = times
}

// SetGateway puts a VPC's gateway endpoint on the way to a region: nothing is copied to
// it from another.
func (s *Server) SetGateway(region string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.gateway = region
}

// private tells whether a VPC endpoint is on the way to a host.
func (s *Server) private(h host) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return h.private || s.gateway == h.region
}

// SetMaxBuckets sets above how many buckets they are listed by pages alone.
func (s *Server) SetMaxBuckets(most int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.MaxBuckets = most
}

// must returns a bucket of the server's own partition; an unknown one is a mistake in the test: it panics.
func (s *Server) must(name string) *bucket {
	b := s.bucket(place{s.options.Partition, name})
	if b == nil {
		panic("amazon: no bucket " + name)
	}
	return b
}

// versioning answers what a bucket's versioning is, and sets it.
func (c *call) versioning() *refusal {
	b := c.bucket
	out := behind{method: c.r.Method, bucket: c.name, query: map[string][]string{"versioning": {""}}, body: c.body}
	if c.operation == "PutBucketVersioning" {
		var asked struct{ Status string }
		if xml.Unmarshal(c.body, &asked) != nil {
			return malformedXML()
		}
		b.mu.Lock()
		b.lagging = asked.Status == "Enabled" && b.lag > 0
		lagging := b.lagging
		b.mu.Unlock()
		if lagging {
			c.server.applied("versioning-lag")
			return c.answer(http.StatusOK, nil)
		}
	}
	resp, err := c.server.send(c.r.Context(), b.region, out)
	if err != nil {
		return broken(err)
	}
	if resp.status != http.StatusOK {
		return resp.refusal()
	}
	if c.operation == "PutBucketVersioning" {
		return c.answer(http.StatusOK, nil)
	}
	var is struct{ Status string }
	if err := xml.Unmarshal(resp.body, &is); err != nil {
		return broken(err)
	}
	b.mu.Lock()
	if b.lagging {
		is.Status = "Enabled"
	}
	mfa := b.mfa
	b.mu.Unlock()
	text := "<VersioningConfiguration " + namespace + ">"
	if is.Status != "" {
		text += "<Status>" + is.Status + "</Status>"
	}
	if mfa {
		text += "<MfaDelete>Enabled</MfaDelete>"
	}
	return c.answer(http.StatusOK, []byte(text+"</VersioningConfiguration>"))
}

// wrote counts a write to a bucket whose versioning is not in force yet, and turns
// it on when its time has come.
func (c *call) wrote() error {
	b := c.bucket
	b.mu.Lock()
	due := b.lagging && b.lag <= 0
	if b.lagging {
		b.lag--
	}
	if due {
		b.lagging = false
	}
	b.mu.Unlock()
	if !due {
		return nil
	}
	body := fmt.Appendf(nil, "<VersioningConfiguration %s><Status>Enabled</Status></VersioningConfiguration>",
		namespace)
	out := behind{method: http.MethodPut, bucket: b.name, query: map[string][]string{"versioning": {""}}, body: body}
	resp, err := c.server.send(c.r.Context(), b.region, out)
	if err == nil && resp.status != http.StatusOK {
		err = resp.refusal()
	}
	return err
}
