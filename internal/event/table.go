package event

// Level says for whom an event's log line is. The values are those of log/slog.
type Level int

// Levels.
const (
	Debug Level = -4 // who looks into a cast
	Info  Level = 0
	Warn  Level = 4 // something that the user may want to mend
)

// Spec is what is made of a kind of event.
type Spec struct {
	Event   Event // the zero value of its type
	Level   Level
	Text    string   // of the log line, for people
	Metrics []Metric // what it counts
	None    string   // without metrics: why there is none
}

// Specs lists every kind of event.
func Specs() []Spec { return table }

// Of returns what is made of e.
func Of(e Event) Spec {
	s := byKind[e.Kind()]
	if r, ok := e.(interface{ repeats() bool }); ok && r.repeats() {
		s.Level = Debug
	}
	return s
}

var byKind = func() map[string]Spec {
	m := make(map[string]Spec, len(table))
	for _, s := range table {
		m[s.Event.Kind()] = s
	}
	return m
}()

var table = []Spec{
	count(MemberJoined{}, Debug, "member joined", total("wimcast_member_joins_total")),
	count(BlocksWanted{}, Debug, "member asks for blocks", sum("wimcast_wanted_blocks_total", "Blocks")),
	count(MemberComplete{}, Debug, "member holds all it wants", total("wimcast_member_completions_total")),
	count(MemberGone{}, Debug, "member gone", total("wimcast_member_departures_total")),
	count(MemberDropped{}, Debug, "member dropped", total("wimcast_member_drops_total")),
	count(MemberDemoted{}, Debug, "member is served over QUIC", total("wimcast_member_demotions_total")),
	count(MemberPromoted{}, Debug, "member is back in the group", total("wimcast_member_promotions_total")),
	count(RateChanged{}, Debug, "rate changed", total("wimcast_rate_changes_total")),
	count(BlockToQuic{}, Debug, "member is to fetch a block", total("wimcast_offered_blocks_total")),
	count(BlockAgain{}, Debug, "block will be sent again", sum("wimcast_again_symbols_total", "Symbols")),
	count(BlockUnreadable{}, Debug, "block cannot be read", total("wimcast_unreadable_blocks_total")),
	count(MembersSilent{}, Debug, "no member reports", total("wimcast_cast_silences_total")),
	none(MembersBack{}, Debug, "members report again", "it ends what members-silent counts"),
	count(PassEnded{}, Debug, "another pass for the slower members", total("wimcast_cast_passes_total")),
	count(Starved{}, Debug, "nobody gains by multicast", total("wimcast_starved_casts_total")),
	none(FirstSent{}, Debug, "first symbol sent", "its time is one of a cast; cast-started counts casts"),
	count(AllHeld{}, Debug, "no member lacks anything", total("wimcast_cast_completions_total")),
	none(NobodyLeft{}, Debug, "nobody takes part any more", "cast-ended follows and counts"),
	count(RunOver{}, Warn, "cast run is over, members will start another", total("wimcast_used_runs_total")),
	count(MessageRefused{}, Debug, "member's message refused", total("wimcast_refused_messages_total")),
	count(ReportRefused{}, Debug, "member's report refused", total("wimcast_refused_reports_total")),

	count(LinkUp{}, Debug, "connected to the distribution point", total("wimcast_link_connections_total")),
	count(LinkDown{}, Debug, "connection lost", total("wimcast_link_losses_total")),
	count(NoLink{}, Warn, "distribution point lost, trying again", total("wimcast_link_retries_total")),
	none(Queued{}, Warn, "waiting for a place: the distribution point serves as many others as it may", "cast-joined follows and counts"),
	count(RunChanged{}, Debug, "the cast has begun anew", total("wimcast_run_changes_total")),
	count(BlockDecoded{}, Debug, "block decoded", total("wimcast_decoded_blocks_total"), sum("wimcast_parity_symbols_total", "Parity")),
	count(BlockBad{}, Debug, "block does not match its name", total("wimcast_bad_blocks_total")),
	count(FetchWrong{}, Debug, "wrong bytes fetched", total("wimcast_wrong_fetches_total")),
	count(SourceLacks{}, Warn, "the distribution point cannot give a part of this content; 'wimcast catalog verify' there says which",
		total("wimcast_source_refusals_total")),
	count(FetchStalled{}, Debug, "fetch not answered", total("wimcast_stalled_fetches_total")),
	count(FetchesPaused{}, Debug, "fetches pause", sum("wimcast_pause_seconds_total", "Pause")),
	count(BlocksLeftToQuic{}, Debug, "blocks are left to QUIC", sum("wimcast_left_blocks_total", "Blocks")),
	count(BlocksUrgent{}, Debug, "blocks cannot wait", sum("wimcast_urgent_blocks_total", "Blocks")),
	count(BlockEvicted{}, Debug, "symbols dropped for want of memory", sum("wimcast_evicted_symbols_total", "Symbols")),
	count(BacklogFull{}, Debug, "too much waits for the disk", total("wimcast_backlog_stops_total")),
	none(BacklogRoom{}, Debug, "the disk has caught up", "it ends what backlog-full counts"),
	count(Deaf{}, Debug, "multicast does not reach this node", sum("wimcast_missed_datagrams_total", "Missed")),
	none(Hears{}, Debug, "multicast reaches this node again", "it ends what deaf counts"),
	count(Demoted{}, Debug, "served over QUIC", total("wimcast_reception_demotions_total")),
	none(Promoted{}, Debug, "back in the group", "it ends what demoted counts"),
	count(SenderSilent{}, Debug, "nothing heard of the sender", total("wimcast_sender_silences_total")),
	count(AnswerRefused{}, Debug, "sender's message refused", total("wimcast_refused_answers_total")),
	count(AllReceived{}, Debug, "all blocks are held", sum("wimcast_held_blocks_total", "Blocks")),
	count(GaveUp{}, Debug, "gave up", total("wimcast_reception_failures_total")),

	none(NodeServing{}, Info, "serving", "once per run of the program"),
	none(LoopbackTaken{}, Warn, "casts do not leave this machine: their interface is a loopback, and there is a network beside it; "+
		"choose that with --interface, or interface in wimcast.toml", "once per run of the program"),
	count(CastStarted{}, Info, "cast started", total("wimcast_cast_starts_total"), gauge("wimcast_running_casts", 1)),
	count(CastEnded{}, Info, "cast ended", gauge("wimcast_running_casts", -1)),
	count(SendFailed{}, Warn, "cast cannot send", total("wimcast_send_failures_total")),
	count(ClientConnected{}, Info, "client connected", total("wimcast_client_connections_total"), gauge("wimcast_connected_clients", 1)),
	count(ClientGone{}, Info, "client gone", gauge("wimcast_connected_clients", -1)),
	count(ClientWaits{}, Info, "client waits for a place: as many casts run as may", total("wimcast_client_waits_total")),
	count(ClientRefused{}, Info, "client refused", total("wimcast_client_refusals_total")),
	count(ClientEnrolled{}, Info, "client enrolled", total("wimcast_client_enrolments_total")),
	none(NameTaken{}, Warn, "another client has this name: tell them apart by key and address, or join again with --name", "client-enrolled counts"),
	count(ChunkRefused{}, Warn, "fetch refused", total("wimcast_refused_fetches_total")),
	count(Published{}, Info, "published", total("wimcast_published_contents_total"), sum("wimcast_published_bytes_total", "NewBytes")),
	count(Removed{}, Info, "removed", total("wimcast_removed_contents_total")),
	none(MeshMissing{}, Warn, "no mesh: the other nodes are not shown, all else works; choose another mesh_port in wimcast.toml, or 0 for none",
		"once per run of the program"),
	none(MeshUnjoined{}, Debug, "no mesh: other nodes do not see this one, all else works", "the mesh is no part of any decision"),
	none(MeshUntold{}, Debug, "the mesh was not told what this node does", "the mesh is no part of any decision"),
	count(CastJoined{}, Info, "joined cast", total("wimcast_cast_joins_total")),
	count(GroupFailed{}, Warn, "change of group membership failed", total("wimcast_group_failures_total")),
	count(FetchFailed{}, Debug, "fetch failed", total("wimcast_failed_fetches_total")),
	none(Waiting{}, Warn, "the distribution point does not answer, trying again", "it is reported every few seconds, however often it was tried"),
	count(ReceptionDone{}, Debug, "received", total("wimcast_reception_completions_total"), sum("wimcast_received_bytes_total", "Bytes"),
		sum("wimcast_fetched_bytes_total", "QuicBytes")),
}

// count is a row of the table.
func count(e Event, level Level, text string, metrics ...Metric) Spec {
	return Spec{Event: e, Level: level, Text: text, Metrics: metrics}
}

// none is a row without a metric.
func none(e Event, level Level, text, why string) Spec {
	return Spec{Event: e, Level: level, Text: text, None: why}
}
