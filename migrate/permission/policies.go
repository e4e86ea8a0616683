package permission

import (
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
)

// Where is one provider as an end of a migration.
type Where struct {
	End       End // Anywhere: neither source nor destination
	Provider  string
	Service   string // Azure or Google; empty: S3 and what is like it
	Account   string // or subscription, or project; empty: not known
	Partition string // of ARNs
	Region    string // empty: not known
	Places    []objectstore.Location
	Key       string // of KMS, by which copies are made; empty: any that the bucket's default names
	KMS       bool   // the service has KMS by the names of Amazon's
	Assumed   bool   // what there is stands for what was not named
}

// Document is the policy of one end.
type Document struct {
	Where  Where
	Stages []Stage
	Policy iam.Policy
	Role   iam.Role // in place of a policy, of a service that has roles; nil: none
	Left   []string // optional actions that the role does not have
	Rows   []Row
}

// Row says why a policy allows an action.
type Row struct {
	Action    string
	Resources []string
	Stage     Stage
	Use       Use
	When      iam.Case
}

// Documents makes the policies of stages at these ends. An end that no request
// of theirs goes to has none.
func Documents(stages []Stage, ends []Where) []Document {
	var documents []Document
	for _, w := range ends {
		if d := w.document(stages); len(d.Rows) > 0 {
			documents = append(documents, d)
		}
	}
	return documents
}

// group is what one statement is about.
type group struct {
	sid       string
	resources []string
	prefixes  []string // that alone are listed; none: all of a bucket
}

func (g group) name() string {
	return g.sid + "\n" + strings.Join(g.resources, "\n") + "\n\n" + strings.Join(g.prefixes, "\n")
}

func (w Where) document(stages []Stage) Document {
	d := Document{Where: w, Stages: stages}
	if w.Service != "" {
		return w.role(d)
	}
	actions := make(map[string][]string)
	var order []group
	for _, s := range stages {
		for _, u := range s.Uses() {
			if u.ByTag && !w.Assumed {
				continue
			}
			for _, need := range iam.Needs(u.Operation, u.Cases...) {
				for _, g := range w.groups(u, need.On) {
					d.Rows = append(d.Rows, Row{Action: need.Action, Resources: g.resources, Stage: s, Use: u, When: need.When})
					if u.Optional != "" {
						g.sid += "Optional"
					}
					if actions[g.name()] == nil {
						order = append(order, g)
					}
					actions[g.name()] = append(actions[g.name()], need.Action)
				}
			}
		}
	}
	slices.SortStableFunc(order, func(a, b group) int { return strings.Compare(a.sid, b.sid) })
	var statements []iam.Statement
	for i, g := range order {
		s := iam.Allow(g.sid, actions[g.name()], g.resources)
		if before := slices.IndexFunc(order, func(o group) bool { return o.sid == g.sid }); before < i {
			s.Sid += strconv.Itoa(1 + i - before)
		}
		switch {
		case strings.HasPrefix(g.sid, "Keys"):
			s.Condition = w.viaS3()
		case len(g.prefixes) > 0:
			s.Condition = iam.Condition{"StringLike": {"s3:prefix": g.prefixes}}
		}
		statements = append(statements, s)
	}
	d.Policy = iam.NewPolicy(statements)
	return d
}

// concerns tells whether a request goes to this end.
func (w Where) concerns(end End, kind iam.Kind) bool {
	switch {
	case end == Anywhere:
		return w.End != State
	case kind == iam.Origin || kind == iam.OriginKey:
		return w.End == Source // of a copy, which is asked of the destination
	}
	return w.End == end
}

// groups are the statements by which a request's action is allowed at this end; none
// if the request does not go there.
func (w Where) groups(u Use, kind iam.Kind) []group {
	if !w.concerns(u.End, kind) {
		return nil
	}
	switch kind {
	case iam.Account:
		return []group{{sid: "Account", resources: []string{"*"}}}
	case iam.Key, iam.OriginKey:
		if !w.KMS {
			return nil
		}
		return []group{{sid: "Keys", resources: []string{w.key()}}}
	case iam.Bucket:
		if u.Place == AllBuckets {
			return []group{{sid: "AllBuckets", resources: []string{w.arn("*")}}}
		}
		return w.buckets(u)
	}
	arns, sid := w.objects(u, kind)
	if len(arns) == 0 {
		return nil
	}
	return []group{{sid: sid, resources: arns}}
}

// buckets are those that a request is about. Of a source bucket from which prefixes
// move, those alone are listed (Service Authorization Reference, "Condition keys for
// Amazon S3", s3:prefix).
func (w Where) buckets(u Use) []group {
	lists := w.End == Source && strings.HasPrefix(u.Operation, "List")
	prefixes := make(map[string][]string) // by bucket
	for _, l := range w.Places {
		prefixes[l.Bucket] = append(prefixes[l.Bucket], l.Prefix)
	}
	var groups []group
	for _, bucket := range slices.Sorted(maps.Keys(prefixes)) {
		g := group{sid: "Buckets", resources: []string{w.arn(bucket)}}
		if lists && !slices.Contains(prefixes[bucket], "") {
			g.sid = "Listings"
			for _, p := range prefixes[bucket] {
				g.prefixes = append(g.prefixes, literal(p)+"*")
			}
			if u.Place == Leases || u.Place == Probes {
				g.prefixes = []string{objectstore.LeasePrefix + "*", objectstore.ProbePrefix + "*"}
			}
			g.prefixes = distinct(g.prefixes)
		}
		i := slices.IndexFunc(groups, func(o group) bool { return slices.Equal(o.prefixes, g.prefixes) })
		if i < 0 {
			groups = append(groups, g)
		} else {
			groups[i].resources = append(groups[i].resources, g.resources...)
		}
	}
	return groups
}

// objects are the keys that a request is about.
func (w Where) objects(u Use, kind iam.Kind) (arns []string, sid string) {
	for _, l := range w.Places {
		prefix := literal(l.Prefix)
		switch {
		case u.Place == Data || kind == iam.Origin:
			arns, sid = append(arns, w.arn(l.Bucket+"/"+prefix+"*")), "Objects"
		case u.Place == Probes && w.End == Source:
			arns, sid = append(arns, w.arn(l.Bucket+"/"+prefix+objectstore.ProbePrefix+"*")), "Probes"
		case u.Place == Probes:
			arns, sid = append(arns, w.arn(l.Bucket+"/"+objectstore.ProbePrefix+"*")), "Probes"
			if prefix != "" {
				arns = append(arns, w.arn(l.Bucket+"/"+prefix+objectstore.ProbePrefix+"*"))
			}
		case u.Place == Leases:
			arns, sid = append(arns, w.arn(l.Bucket+"/"+objectstore.LeasePrefix+"*/"+objectstore.LeaseFile)), "Leases"
		case u.Place == Mark:
			arns, sid = append(arns, w.arn(l.Bucket+"/"+objectstore.MarkKey)), "Reservation"
		}
	}
	return distinct(arns), sid
}

func (w Where) arn(resource string) string { return "arn:" + w.Partition + ":s3:::" + resource }

// unknown stands in a resource for what is not known.
func unknown(text string) string {
	if text == "" {
		return "*"
	}
	return text
}

// key names the key by which copies are made; of an alias, the key is not known.
func (w Where) key() string {
	switch {
	case strings.HasPrefix(w.Key, "arn:") && strings.Contains(w.Key, ":key/"):
		return w.Key
	case w.Key != "" && !strings.Contains(w.Key, "/") && !strings.HasPrefix(w.Key, "arn:"):
		return "arn:" + w.Partition + ":kms:" + unknown(w.Region) + ":" + unknown(w.Account) + ":key/" + w.Key
	}
	return "arn:" + w.Partition + ":kms:" + unknown(w.Region) + ":" + unknown(w.Account) + ":key/*"
}

// viaS3 has a key used for nothing but objects of S3 (AWS KMS Developer Guide,
// "kms:ViaService").
func (w Where) viaS3() iam.Condition {
	suffix := ".amazonaws.com"
	switch w.Partition {
	case "aws-cn":
		suffix = ".amazonaws.com.cn"
	case "aws-eusc":
		suffix = ".amazonaws.eu"
	}
	return iam.Condition{"StringLike": {"kms:ViaService": {"s3." + unknown(w.Region) + suffix}}}
}

// literal writes a prefix in which "*", "?" and "$" stand for themselves (IAM User
// Guide, "IAM policy elements: Variables and tags").
func literal(prefix string) string {
	return strings.NewReplacer("*", "${*}", "?", "${?}", "$", "${$}").Replace(prefix)
}

func distinct(list []string) []string {
	slices.Sort(list)
	return slices.Compact(list)
}
