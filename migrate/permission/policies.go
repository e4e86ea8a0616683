package permission

import (
	"slices"
	"strings"

	"github.com/residency/residency/inventory/objectstore"
	"github.com/residency/residency/inventory/objectstore/iam"
)

// Where is one provider as an end of a migration.
type Where struct {
	End       End // Anywhere: neither source nor destination
	Provider  string
	Account   string // empty: not known
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
	resources string // joined
}

func (w Where) document(stages []Stage) Document {
	d := Document{Where: w, Stages: stages}
	actions := make(map[group][]string)
	resources := make(map[group][]string)
	var order []group
	for _, s := range stages {
		for _, u := range s.Uses() {
			for _, need := range iam.Needs(u.Operation, u.Cases...) {
				on, sid := w.resources(u, need.On)
				if on == nil {
					continue
				}
				d.Rows = append(d.Rows, Row{Action: need.Action, Resources: on, Stage: s, Use: u, When: need.When})
				if u.Optional != "" {
					sid += "Optional"
				}
				g := group{sid, strings.Join(on, "\n")}
				if actions[g] == nil {
					order = append(order, g)
				}
				actions[g], resources[g] = append(actions[g], need.Action), on
			}
		}
	}
	slices.SortStableFunc(order, func(a, b group) int { return strings.Compare(a.sid, b.sid) })
	var statements []iam.Statement
	for _, g := range order {
		s := iam.Allow(g.sid, actions[g], resources[g])
		if strings.HasPrefix(g.sid, "Keys") {
			s.Condition = w.viaS3()
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

// resources are what a request's action has to be allowed on at this end, and the
// name of a statement about that; nil if the request does not go there.
func (w Where) resources(u Use, kind iam.Kind) (arns []string, sid string) {
	if !w.concerns(u.End, kind) {
		return nil, ""
	}
	switch kind {
	case iam.Account:
		return []string{"*"}, "Account"
	case iam.Key, iam.OriginKey:
		if !w.KMS {
			return nil, ""
		}
		return []string{w.key()}, "Keys"
	case iam.Bucket:
		if u.Place == AllBuckets {
			return []string{w.arn("*")}, "AllBuckets"
		}
		for _, l := range w.Places {
			arns = append(arns, w.arn(l.Bucket))
		}
		return distinct(arns), "Buckets"
	}
	return w.objects(u, kind)
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
