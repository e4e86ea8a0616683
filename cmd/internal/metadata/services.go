package metadata

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"regexp"
	"strings"
)

// asker sends the questions to one service.
type asker struct {
	client *http.Client
	base   string
}

const (
	longestWord     = 1 << 10   // bytes of an answer that is one word
	longestDocument = 256 << 10 // of one that describes a task with its containers
)

// do asks, and returns the answer's body if it is 200 and no longer than it may be.
func (a *asker) do(ctx context.Context, method, path string, most int64, header ...string) ([]byte, http.Header, bool) {
	r, err := http.NewRequestWithContext(ctx, method, a.base+path, nil)
	if err != nil {
		return nil, nil, false
	}
	for i := 0; i < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	answer, err := a.client.Do(r)
	if err != nil {
		return nil, nil, false
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(io.LimitReader(answer.Body, most+1))
	return body, answer.Header, err == nil && int64(len(body)) <= most && answer.StatusCode == http.StatusOK
}

// code is the form of a region's code, whoever's it is.
var code = regexp.MustCompile(`^[a-z][a-z0-9-]{1,63}$`)

// word takes an answer for a code.
func word(body []byte) (string, bool) {
	text := strings.ToLower(strings.TrimSpace(string(body)))
	return text, code.MatchString(text)
}

// ec2 asks for a token first, as IMDSv2 wants it: version 1 would also answer to who is
// tricked into asking (Amazon EC2 User Guide, "Use the Instance Metadata Service to access
// instance metadata"). It is asked for the zone and not for the region: a Local Zone can be
// in another country than its region, and its name tells.
func ec2(ctx context.Context, a *asker) (string, bool) {
	token, _, ok := a.do(ctx, http.MethodPut, "/latest/api/token", longestWord,
		"X-Aws-Ec2-Metadata-Token-Ttl-Seconds", "60")
	if !ok || strings.ContainsFunc(string(token), func(r rune) bool { return r <= ' ' || r > '~' }) {
		return "", false
	}
	zone, _, ok := a.do(ctx, http.MethodGet, "/latest/meta-data/placement/availability-zone", longestWord,
		"X-Aws-Ec2-Metadata-Token", string(token))
	if !ok {
		return "", false
	}
	return ofZone(word(zone))
}

// amazonZone is an Availability Zone of a region: its code and one letter.
var amazonZone = regexp.MustCompile(`^([a-z]{2,4}(?:-[a-z]+)+-[0-9]+)[a-z]$`)

// ofZone is the region of an Availability Zone. The name of another zone stands for itself.
func ofZone(zone string, ok bool) (string, bool) {
	if m := amazonZone.FindStringSubmatch(zone); ok && m != nil {
		return m[1], true
	}
	return zone, ok
}

// ecs reads what the agent of Amazon ECS tells of a task (Amazon ECS Developer Guide,
// "Amazon ECS task metadata V4 JSON response"). Only Fargate has a zone; of others the
// name of the task has the region, which says nothing of a machine outside of AWS.
func ecs(ctx context.Context, a *asker) (string, bool) {
	body, _, ok := a.do(ctx, http.MethodGet, "/task", longestDocument)
	if !ok {
		return "", false
	}
	return parseTask(body)
}

func parseTask(document []byte) (string, bool) {
	var task struct{ AvailabilityZone, TaskARN, LaunchType string }
	if json.Unmarshal(document, &task) != nil || task.LaunchType == "EXTERNAL" {
		return "", false
	}
	if task.AvailabilityZone != "" {
		return ofZone(word([]byte(task.AvailabilityZone)))
	}
	parts := strings.Split(task.TaskARN, ":")
	if len(parts) < 6 || parts[0] != "arn" || parts[2] != "ecs" || task.LaunchType == "" {
		return "", false
	}
	return word([]byte(parts[3]))
}

// azure asks for the location alone (Azure, "Azure Instance Metadata Service": compute,
// location; the header Metadata, without which nobody is answered).
func azure(ctx context.Context, a *asker) (string, bool) {
	body, _, ok := a.do(ctx, http.MethodGet,
		"/metadata/instance/compute/location?api-version=2021-02-01&format=text", longestWord, "Metadata", "true")
	if !ok {
		return "", false
	}
	return word(body)
}

// google asks for the zone, of which the region is all but the last part (Google Cloud,
// "Predefined metadata keys"; "About VM metadata": an answer has the header that the
// question has).
func google(ctx context.Context, a *asker) (string, bool) {
	body, header, ok := a.do(ctx, http.MethodGet, "/computeMetadata/v1/instance/zone", longestWord,
		"Metadata-Flavor", "Google")
	if !ok || header.Get("Metadata-Flavor") != "Google" {
		return "", false
	}
	return parseZone(string(body))
}

// parseZone reads projects/NUMBER/zones/REGION-x.
func parseZone(text string) (string, bool) {
	text = strings.TrimSpace(text)
	if !strings.HasPrefix(text, "projects/") || strings.Count(text, "/") != 3 || !strings.Contains(text, "/zones/") {
		return "", false
	}
	zone := text[strings.LastIndexByte(text, '/')+1:]
	last := strings.LastIndexByte(zone, '-')
	if last <= 0 {
		return "", false
	}
	return word([]byte(zone[:last]))
}
