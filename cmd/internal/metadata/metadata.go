// Package metadata asks the metadata services of clouds in which region this machine is.
// They are asked without a proxy and without credentials, at addresses that lead no
// further than the machine's own host, and are told nothing.
package metadata

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"
)

// Patience is the longest that Ask takes.
const Patience = time.Second

// Answer is what one service tells.
type Answer struct {
	Service  string // as people call it, for example Amazon EC2
	Provider string // as the catalog of regions calls its cloud: aws, azure or gcp
	Region   string // as the service writes it; in lower case
	// At is the address that was asked, if the environment has put it in the place of the
	// service's own; else empty.
	At string
}

// String names who answered, and what.
func (a Answer) String() string {
	text := a.Service + " (" + a.Region
	if a.At != "" {
		text += ", at " + a.At
	}
	return text + ")"
}

// Addresses are where the services are asked, each a URL without a path; of one that is
// empty nobody is asked.
type Addresses struct {
	EC2, ECS, Azure, Google string
}

// The services' own addresses (Amazon EC2 User Guide, "Access instance metadata for an EC2
// instance"; Azure, "Azure Instance Metadata Service"; Google Cloud, "About VM metadata").
// All are one address of the link, which no name has to be resolved for.
const own = "http://169.254.169.254"

// Environment reads addresses off variables: AWS_EC2_METADATA_SERVICE_ENDPOINT, as the
// SDKs of AWS have it, ECS_CONTAINER_METADATA_URI_V4, which Amazon ECS sets, and two of
// residency's own for tests and for proxies of such services. AWS_EC2_METADATA_DISABLED
// leaves both of AWS out, RESIDENCY_METADATA=off all.
func Environment(getenv func(string) string) Addresses {
	if Off(getenv) {
		return Addresses{}
	}
	or := func(name, address string) string {
		if v := strings.TrimRight(getenv(name), "/"); v != "" {
			return v
		}
		return address
	}
	a := Addresses{
		EC2:   or("AWS_EC2_METADATA_SERVICE_ENDPOINT", own),
		ECS:   or("ECS_CONTAINER_METADATA_URI_V4", ""),
		Azure: or("RESIDENCY_METADATA_AZURE", own), Google: or("RESIDENCY_METADATA_GOOGLE", own),
	}
	if strings.EqualFold(getenv("AWS_EC2_METADATA_DISABLED"), "true") {
		a.EC2, a.ECS = "", ""
	}
	return a
}

// Variable turns all services off.
const Variable = "RESIDENCY_METADATA"

// Off tells whether the environment has nobody asked.
func Off(getenv func(string) string) bool { return getenv(Variable) == "off" }

// Ask asks all services side by side, and returns the answers of those that there are, in
// the order of Addresses. It returns after Patience at the latest. A service that does not
// answer, or answers what is no region, has no answer here.
func Ask(ctx context.Context, a Addresses) []Answer {
	ctx, stop := context.WithTimeout(ctx, Patience)
	defer stop()
	client := &http.Client{
		// Kept-alive connections would outlive the question.
		Transport: &http.Transport{Proxy: nil, DisableKeepAlives: true, MaxResponseHeaderBytes: 16 << 10},
		CheckRedirect: func(*http.Request, []*http.Request) error {
			return http.ErrUseLastResponse // no service leads elsewhere
		},
	}
	questions := []struct {
		address string
		ask     func(context.Context, *asker) (string, bool)
		answer  Answer
	}{
		{a.EC2, ec2, Answer{Service: "Amazon EC2", Provider: "aws"}},
		{a.ECS, ecs, Answer{Service: "Amazon ECS", Provider: "aws"}},
		{a.Azure, azure, Answer{Service: "Azure", Provider: "azure"}},
		{a.Google, google, Answer{Service: "Google Cloud", Provider: "gcp"}},
	}
	answers := make([]Answer, len(questions))
	var all sync.WaitGroup
	for i, q := range questions {
		if !usable(q.address) {
			continue
		}
		all.Go(func() {
			if region, ok := q.ask(ctx, &asker{client: client, base: q.address}); ok {
				answers[i] = q.answer
				answers[i].Region, answers[i].At = region, elsewhere(q.address)
			}
		})
	}
	all.Wait()
	var told []Answer
	for _, x := range answers {
		if x.Region != "" {
			told = append(told, x)
		}
	}
	return told
}

// usable tells whether an address can be asked.
func usable(address string) bool {
	u, err := url.Parse(address)
	return err == nil && u.Scheme == "http" && u.Host != "" && u.User == nil
}

// elsewhere is an address that is not a service's own (Amazon ECS Developer Guide, "Amazon
// ECS task metadata endpoint version 4"; Amazon EC2 User Guide, "IPv6 support").
func elsewhere(address string) string {
	u, err := url.Parse(address)
	if err != nil {
		return ""
	}
	switch u.Hostname() {
	case "169.254.169.254", "fd00:ec2::254", "169.254.170.2":
		return ""
	}
	return u.Scheme + "://" + u.Host
}
