package rpctext

import (
	"strconv"

	rpccp "capnproto.org/go/capnp/v3/std/capnp/rpc"
)

// maxEchoes is how many times a message may be wrapped in `unimplemented`; more are forged.
const maxEchoes = 4

func (p *printer) message(m rpccp.Message, echoes int) {
	switch m.Which() {
	case rpccp.Message_Which_unimplemented:
		p.add("unimplemented")
		inner, err := m.Unimplemented()
		switch {
		case err != nil:
			p.field(err)
		case !inner.IsValid():
			p.add(" null")
		case echoes == maxEchoes:
			p.add(" …")
		default:
			p.add(" ")
			p.message(inner, echoes+1)
		}
	case rpccp.Message_Which_abort:
		p.add("abort")
		e, err := m.Abort()
		p.exception(e, err)
	case rpccp.Message_Which_bootstrap:
		b, err := m.Bootstrap()
		p.question("bootstrap", b.QuestionId(), err)
	case rpccp.Message_Which_call:
		c, err := m.Call()
		p.call(c, err)
	case rpccp.Message_Which_return:
		r, err := m.Return()
		p.ret(r, err)
	case rpccp.Message_Which_finish:
		f, err := m.Finish()
		p.question("finish", f.QuestionId(), err)
		if !f.ReleaseResultCaps() {
			p.add(" releaseResultCaps=false")
		}
	case rpccp.Message_Which_resolve:
		r, err := m.Resolve()
		p.resolve(r, err)
	case rpccp.Message_Which_release:
		r, err := m.Release()
		p.add("release ")
		p.number(uint64(r.Id()))
		p.add(" ×")
		p.number(uint64(r.ReferenceCount()))
		p.field(err)
	case rpccp.Message_Which_disembargo:
		d, err := m.Disembargo()
		p.disembargo(d, err)
	case rpccp.Message_Which_provide:
		v, err := m.Provide()
		p.question("provide", v.QuestionId(), err)
		t, err := v.Target()
		p.target(t, err)
	case rpccp.Message_Which_accept:
		a, err := m.Accept()
		p.question("accept", a.QuestionId(), err)
	case rpccp.Message_Which_join:
		j, err := m.Join()
		p.question("join", j.QuestionId(), err)
		t, err := j.Target()
		p.target(t, err)
	default:
		p.add(m.Which().String())
	}
}

// field prints what went wrong when a field was read, if anything did.
func (p *printer) field(err error) {
	if err != nil {
		p.add(" ")
		p.problem(err)
	}
}

func (p *printer) question(word string, id uint32, err error) {
	p.add(word)
	p.add(" #")
	p.number(uint64(id))
	p.field(err)
}

func (p *printer) call(c rpccp.Call, err error) {
	p.question("call", c.QuestionId(), err)
	t, err := c.Target()
	p.target(t, err)
	p.add(" ")
	name := ""
	if p.method != nil {
		name = p.method(c.InterfaceId(), c.MethodId())
	}
	if name == "" {
		name = "0x" + strconv.FormatUint(c.InterfaceId(), 16) + "." + strconv.Itoa(int(c.MethodId()))
	}
	p.add(name)
	switch c.SendResultsTo().Which() {
	case rpccp.Call_sendResultsTo_Which_caller:
	case rpccp.Call_sendResultsTo_Which_yourself:
		p.add(" sendResultsTo=yourself")
	default:
		p.add(" sendResultsTo=" + c.SendResultsTo().Which().String())
	}
	if c.NoPromisePipelining() {
		p.add(" noPromisePipelining")
	}
	if c.OnlyPromisePipeline() {
		p.add(" onlyPromisePipeline")
	}
	if c.AllowThirdPartyTailCall() {
		p.add(" allowThirdPartyTailCall")
	}
	payload, err := c.Params()
	p.payload(payload, err)
}

func (p *printer) ret(r rpccp.Return, err error) {
	p.question("return", r.AnswerId(), err)
	// The defaults are true and false; what differs from them is told, as for finish.
	if !r.ReleaseParamCaps() {
		p.add(" releaseParamCaps=false")
	}
	if r.NoFinishNeeded() {
		p.add(" noFinishNeeded")
	}
	switch r.Which() {
	case rpccp.Return_Which_results:
		payload, err := r.Results()
		p.payload(payload, err)
	case rpccp.Return_Which_exception:
		e, err := r.Exception()
		p.add(" exception")
		p.exception(e, err)
	case rpccp.Return_Which_takeFromOtherQuestion:
		p.add(" takeFromOtherQuestion #")
		p.number(uint64(r.TakeFromOtherQuestion()))
	default:
		p.add(" " + r.Which().String())
	}
}

func (p *printer) resolve(r rpccp.Resolve, err error) {
	p.add("resolve ")
	p.number(uint64(r.PromiseId()))
	p.field(err)
	switch r.Which() {
	case rpccp.Resolve_Which_cap:
		c, err := r.Cap()
		p.add(" to ")
		p.descriptor(c, err)
	case rpccp.Resolve_Which_exception:
		e, err := r.Exception()
		p.add(" exception")
		p.exception(e, err)
	default:
		p.add(" " + r.Which().String())
	}
}

func (p *printer) disembargo(d rpccp.Disembargo, err error) {
	p.add("disembargo")
	p.field(err)
	t, err := d.Target()
	p.target(t, err)
	switch c := d.Context(); c.Which() {
	case rpccp.Disembargo_context_Which_senderLoopback:
		p.add(" senderLoopback ")
		p.number(uint64(c.SenderLoopback()))
	case rpccp.Disembargo_context_Which_receiverLoopback:
		p.add(" receiverLoopback ")
		p.number(uint64(c.ReceiverLoopback()))
	default:
		p.add(" " + c.Which().String())
	}
}

func (p *printer) target(t rpccp.MessageTarget, err error) {
	if err != nil {
		p.field(err)
		return
	}
	if !t.IsValid() {
		p.add(" no target")
		return
	}
	switch t.Which() {
	case rpccp.MessageTarget_Which_importedCap:
		p.add(" import ")
		p.number(uint64(t.ImportedCap()))
	case rpccp.MessageTarget_Which_promisedAnswer:
		a, err := t.PromisedAnswer()
		p.add(" ")
		p.promisedAnswer("answer", a, err)
	default:
		p.add(" " + t.Which().String())
	}
}

func (p *printer) promisedAnswer(word string, a rpccp.PromisedAnswer, err error) {
	p.question(word, a.QuestionId(), err)
	ops, err := a.Transform()
	p.field(err)
	for i := 0; i < ops.Len() && !p.full; i++ {
		switch op := ops.At(i); op.Which() {
		case rpccp.PromisedAnswer_Op_Which_noop:
			p.add(".noop")
		case rpccp.PromisedAnswer_Op_Which_getPointerField:
			p.add(".")
			p.number(uint64(op.GetPointerField()))
		default:
			p.add("." + op.Which().String())
		}
	}
}

func (p *printer) exception(e rpccp.Exception, err error) {
	if err != nil {
		p.field(err)
		return
	}
	p.add(" " + e.Type().String() + " ")
	reason, err := e.ReasonBytes()
	if err != nil {
		p.problem(err)
		return
	}
	p.quoted(reason)
}

func (p *printer) payload(payload rpccp.Payload, err error) {
	if err != nil {
		p.field(err)
		return
	}
	caps, err := payload.CapTable()
	p.field(err)
	if caps.Len() > 0 {
		p.add(" caps [")
		for i := 0; i < caps.Len() && !p.full; i++ {
			if i > 0 {
				p.add(", ")
			}
			p.descriptor(caps.At(i), nil)
		}
		p.add("]")
	}
	p.add(" ")
	content, err := payload.Content()
	p.pointer(content, err)
}

func (p *printer) descriptor(d rpccp.CapDescriptor, err error) {
	if err != nil {
		p.problem(err)
		return
	}
	var id uint32
	switch d.Which() {
	case rpccp.CapDescriptor_Which_senderHosted:
		id = d.SenderHosted()
	case rpccp.CapDescriptor_Which_senderPromise:
		id = d.SenderPromise()
	case rpccp.CapDescriptor_Which_receiverHosted:
		id = d.ReceiverHosted()
	case rpccp.CapDescriptor_Which_receiverAnswer:
		a, err := d.ReceiverAnswer()
		p.promisedAnswer("receiverAnswer", a, err)
		return
	case rpccp.CapDescriptor_Which_thirdPartyHosted:
		t, err := d.ThirdPartyHosted()
		p.add("thirdPartyHosted vine ")
		p.number(uint64(t.VineId()))
		p.field(err)
		return
	default:
		p.add(d.Which().String())
		return
	}
	p.add(d.Which().String() + " ")
	p.number(uint64(id))
}
