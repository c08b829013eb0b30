#!/usr/bin/env python3
"""Devices that do what sipp cannot: adapter_cases.py CASE UDP TCP, where UDP and TCP are where the adapter listens.

alice and bob of calls.example are served, the password of both is "secret".  Each case prints nothing and ends with 0, or says what
was wrong.
"""
import hashlib
import os
import select
import signal
import socket
import sys
import time

LIMIT = 20  # seconds for anything that has to come
DOMAIN = 'calls.example'
SDP = 'v=0\r\no=- 1 1 IN IP4 127.0.0.1\r\ns=-\r\nc=IN IP4 127.0.0.1\r\nt=0 0\r\nm=audio 4000 RTP/AVP 0\r\n'
counter = [0]


def fresh(prefix):
    counter[0] += 1
    return '%s%d' % (prefix, counter[0])


def check(condition, *what):
    if not condition:
        raise SystemExit('wrong: ' + ' '.join(str(w) for w in what))


def md5(text):
    return hashlib.md5(text.encode()).hexdigest()


class Message:
    def __init__(self, text):
        self.text = text
        head, _, self.body = text.partition('\r\n\r\n')
        lines = head.split('\r\n')
        self.start = lines[0]
        self.fields = [tuple(p.strip() for p in line.split(':', 1)) for line in lines[1:]]
        words = self.start.split(' ')
        self.status = int(words[1]) if words[0] == 'SIP/2.0' else 0
        self.method = (self.get('CSeq').split() + ['', ''])[1] if self.status else words[0]
        self.uri = '' if self.status else words[1]

    def all(self, name):
        return [v for n, v in self.fields if n.lower() == name.lower()]

    def get(self, name):
        found = self.all(name)
        return found[0] if found else ''

    def branch(self):
        return self.get('Via').split('branch=')[1].split(';')[0]


class Device:
    """A device at 127.0.0.1, over UDP, or over TCP with a connection of its own."""

    domain = None  # of its address, when that is not DOMAIN

    def __init__(self, user, at, tcp=False, bind='127.0.0.1'):
        self.user, self.tcp, self.buffer = user, tcp, b''
        host, port = at.replace('[', '').replace(']', '').rsplit(':', 1)
        self.host = '[%s]' % bind if ':' in bind else bind
        self.socket = socket.socket(socket.AF_INET6 if ':' in bind else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM)
        self.socket.bind((bind, 0))
        self.socket.connect((host, int(port)))
        self.port = self.socket.getsockname()[1]
        self.tag = fresh('tag')
        self.known = False
        self.transport = 'TCP' if tcp else 'UDP'

    def send(self, text):
        self.socket.sendall(text.encode())

    def waits(self, seconds):
        waits = select.poll()  # select() takes no more than 1,024
        waits.register(self.socket, select.POLLIN)
        return bool(waits.poll(1000 * seconds))

    def receive(self, *wanted):
        """The next message that is one of wanted, methods or statuses (nothing: any); what comes before is passed over."""
        end = time.monotonic() + LIMIT
        while True:
            message = self.take()
            if message:
                if not wanted or (message.status or message.method) in wanted:
                    return message
                continue
            left = end - time.monotonic()
            check(left > 0 and self.waits(left), self.user, 'got none of', wanted)
            data = self.socket.recv(70000)
            if not data:
                raise ConnectionError('closed')
            self.buffer += data if self.tcp else data + b'\0'

    def take(self):
        if not self.tcp:
            one, found, rest = self.buffer.partition(b'\0')
            if not found:
                return None
            self.buffer = rest
            return Message(one.decode(errors='replace'))
        self.buffer = self.buffer.lstrip(b'\r\n')
        head, found, _ = self.buffer.partition(b'\r\n\r\n')
        if not found:
            return None
        length = len(head) + 4 + int(Message(head.decode(errors='replace') + '\r\n\r\n').get('Content-Length'))
        if len(self.buffer) < length:
            return None
        one, self.buffer = self.buffer[:length], self.buffer[length:]
        return Message(one.decode(errors='replace'))

    def quiet(self):
        """Nothing has come that was not taken."""
        if self.waits(0):
            self.buffer += self.socket.recv(70000) + (b'' if self.tcp else b'\0')
        rest = self.take()
        check(not rest, self.user, 'got more:', rest and rest.text)

    def contact(self):
        return '<sip:%s@%s:%d;transport=%s>' % (self.user, self.host, self.port, self.transport.lower())

    def request(self, method, uri, call, cseq, to=None, lines='', body='', branch=None, via=None, tag=None, forwards=70):
        user = call.get('from', self.user)
        text = '%s %s SIP/2.0\r\nVia: SIP/2.0/%s %s;branch=%s;rport\r\n' % (
            method, uri, self.transport, via or '%s:%d' % (self.host, self.port), branch or fresh('z9hG4bK-c-%d-' % self.port))
        text += 'Max-Forwards: %d\r\nFrom: <sip:%s@%s>;tag=%s\r\nTo: %s\r\nCall-ID: %s\r\nCSeq: %d %s\r\n' % (
            forwards, user, self.domain or DOMAIN, tag or self.tag, to or '<%s>' % uri, call['id'], cseq, method)
        if method in ('INVITE', 'SUBSCRIBE', 'UPDATE'):
            text += 'Contact: %s\r\n' % self.contact()
        text += lines
        if body:
            text += 'Content-Type: application/sdp\r\n'
        return text + 'Content-Length: %d\r\n\r\n%s' % (len(body), body)

    def answer(self, request, status, tag=None, lines='', body=''):
        text = 'SIP/2.0 %d Whatever\r\n' % status
        for name in ('Via', 'Record-Route', 'From', 'To', 'Call-ID', 'CSeq'):
            for value in request.all(name):
                if name == 'To' and ';tag=' not in value and status > 100:
                    value += ';tag=' + (tag or self.tag)
                text += '%s: %s\r\n' % (name, value)
        if request.method in ('INVITE', 'SUBSCRIBE', 'UPDATE'):
            text += 'Contact: %s\r\n' % self.contact()
        text += lines
        self.send(text + 'Content-Length: %d\r\n\r\n%s' % (len(body), body))

    def credentials(self, challenge, method, uri, name='Authorization', nc='00000001', password='secret', user=None):
        parts = dict(p.strip().split('=', 1) for p in challenge[len('Digest '):].split(','))
        realm, nonce = parts['realm'].strip('"'), parts['nonce'].strip('"')
        user = user or self.user
        ha1, ha2 = md5('%s:%s:%s' % (user, realm, password)), md5('%s:%s' % (method, uri))
        response = md5(':'.join([ha1, nonce, nc, 'c', 'auth', ha2]))
        return ('%s: Digest username="%s", realm="%s", nonce="%s", uri="%s", response="%s", algorithm=MD5, cnonce="c", '
                'qop=auth, nc=%s\r\n' % (name, user, realm, nonce, uri, response, nc))

    def register(self, expires=600, contact=None, lines=''):
        """Registers; returns the answer and the request that was taken."""
        uri = 'sip:' + DOMAIN
        call = {'id': fresh('r%d-' % self.port)}
        to = '<sip:%s@%s>' % (self.user, DOMAIN)
        fields = 'Contact: %s\r\nExpires: %d\r\n%s' % (contact or self.contact(), expires, lines)
        self.send(self.request('REGISTER', uri, call, 1, to, fields))
        challenge = self.receive(401)
        fields += self.credentials(challenge.get('WWW-Authenticate'), 'REGISTER', uri)
        sent = self.request('REGISTER', uri, call, 2, to, fields)
        self.send(sent)
        return self.receive(200, 401, 403, 423), sent

    def ask(self, method, callee, lines='', body='', call=None, **more):
        """Sends a request outside of a dialog with credentials, and returns the dialog that may come of it."""
        uri = callee if ':' in callee else 'sip:%s@%s' % (callee, DOMAIN)
        call = dict(call or {}, id=fresh('c%d-' % self.port), uri=uri, cseq=1)
        if self.known:
            more.setdefault('branch', fresh('z9hG4bK-c-%d-' % self.port))
            call.update(cseq=2, branch=more['branch'])
            self.send(self.request(method, uri, call, 2, None, lines, body, **more))
            return call
        self.send(self.request(method, uri, call, 1, None, lines, body, **more))
        first = self.receive(407, 403, 404, 480, 482, 483, 503, 513, 420, 416, 200)
        call.update(answer=first)
        self.known = self.tcp and first.status == 407  # a connection is asked once
        if first.status != 407:
            return call
        if method == 'INVITE':
            self.acknowledge_failure(first, call, 1)
        credentials = self.credentials(first.get('Proxy-Authenticate'), method, uri, 'Proxy-Authorization')
        call['branch'] = fresh('z9hG4bK-c-%d-' % self.port)
        call['cseq'] = 2
        more.setdefault('branch', call['branch'])
        call['sent'] = self.request(method, uri, call, 2, None, credentials + lines, body, **more)
        self.send(call['sent'])
        return call

    def invite(self, callee, **more):
        return self.ask('INVITE', callee, body=SDP, **more)

    def acknowledge_failure(self, answer, call, cseq):
        self.send(self.request('ACK', call.get('uri', 'sip:x@' + DOMAIN), call, cseq, answer.get('To'), branch=answer.branch()))

    def within(self, method, call, answer, cseq, lines='', uri=None, body=''):
        """A request of the caller within the dialog of an answer."""
        routes = ''.join('Route: %s\r\n' % r for r in reversed(answer.all('Record-Route')))
        target = uri or answer.get('Contact').strip('<>').split('>')[0]
        self.send(self.request(method, target, call, cseq, answer.get('To'), routes + lines, body))

    def within_callee(self, method, invite, tag, cseq, lines='', body=''):
        """A request of the callee within the dialog of an INVITE."""
        routes = ''.join('Route: %s\r\n' % r for r in invite.all('Record-Route'))
        target = invite.get('Contact').strip('<').split('>')[0]
        text = self.request(method, target, {'id': invite.get('Call-ID')}, cseq, invite.get('From'), routes + lines, body)
        mine = 'From: <sip:%s@%s>;tag=%s\r\n' % (self.user, DOMAIN, self.tag)
        self.send(text.replace(mine, 'From: %s;tag=%s\r\n' % (invite.get('To'), tag)))


def established(alice, bob, **more):
    """A call of alice that bob has answered: (dialog, the 200, the INVITE that bob got)."""
    call = alice.invite('bob', **more)
    invite = bob.receive('INVITE')
    bob.answer(invite, 180)
    bob.answer(invite, 200, body=SDP)
    answer = alice.receive(200)
    alice.within('ACK', call, answer, call['cseq'])
    bob.receive('ACK')
    return call, answer, invite


def hang_up(alice, bob, call, answer):
    alice.within('BYE', call, answer, 90)
    bob.answer(bob.receive('BYE'), 200)
    check(alice.receive(200, 481).status == 200, 'BYE')


# -- registrar ------------------------------------------------------------------------------------------------------------------


def registrar(udp, tcp):
    bob = Device('bob', udp)
    # C09: the Contact comes back as it was written
    contact = '"Bob \\"B\\"" <sip:bob@127.0.0.1:%d;ob;x=1>;q=0.3;+sip.instance="<urn:uuid:1>";reg-id=1' % bob.port
    answer, sent = bob.register(contact=contact)
    shown, _, expires = answer.get('Contact').rpartition(';expires=')
    check(shown == contact, 'the Contact is', shown)
    check(540 <= int(expires) <= 660, 'granted', expires)  # C23: within 10%
    # C07: what was captured is good once, also without its count and under another branch
    for replay in (sent.replace('branch=', 'branch=z9hG4bKother'), sent.replace(', qop=auth, nc=00000001', ''),
                   sent.replace('nc=00000001', 'nc=00000002'), sent.replace(', nc=00000001', '').replace('branch=', 'branch=z9hG4bKx')):
        replay = replay.replace('z9hG4bK-c', fresh('z9hG4bK-d')).replace('Expires: 600', 'Expires: 0')
        bob.send(replay)
        check(bob.receive(200, 401).status == 401, 'a replay was taken')
    # RFC 3261 s10.3: what is there is asked for without a Contact
    answer, _ = bob.register(contact='<sip:other@127.0.0.1:9>', expires=30)
    check(answer.status == 423 and answer.get('Min-Expires') == '60', 'too short:', answer.start)
    # a wrong password, another user's, an AOR that is not served
    for user, password, to, wanted in (('bob', 'wrong', 'bob', 401), ('alice', 'secret', 'bob', 401), ('bob', 'secret', 'nobody', 404)):
        uri, call = 'sip:' + DOMAIN, {'id': fresh('w')}
        to = '<sip:%s@%s>' % (to, DOMAIN)
        bob.send(bob.request('REGISTER', uri, call, 1, to))
        first = bob.receive(401, 404)
        if first.status == 401:
            line = bob.credentials(first.get('WWW-Authenticate'), 'REGISTER', uri, password=password, user=user)
            bob.send(bob.request('REGISTER', uri, call, 2, to, line))
            first = bob.receive(200, 401, 404)
        check(first.status == wanted, user, password, to, first.start)
    # C09: the same device from another port: calls go there
    moved = Device('bob', udp)
    moved.register(contact=contact)
    alice = Device('alice', udp)
    call = alice.invite('bob')
    invite = moved.receive('INVITE')
    check('x=1' in invite.uri, 'the Request-URI is', invite.uri)
    moved.answer(invite, 486)
    moved.receive('ACK')
    alice.acknowledge_failure(alice.receive(486), call, 2)
    bob.quiet()
    moved.register(contact='*', expires=0)
    # a device that sends from another port than it listens at, which it names with its own address; one behind a NAT names another address
    asks, listens = Device('bob', udp), Device('bob', udp)
    for host, there in (('127.0.0.1', listens), ('192.0.2.77', asks)):
        asks.register(contact='<sip:bob@%s:%d>' % (host, listens.port))
        call = alice.invite('bob')
        there.answer(there.receive('INVITE'), 486)
        there.receive('ACK')
        alice.acknowledge_failure(alice.receive(486), call, 2)
        asks.register(contact='*', expires=0)


def refresh(udp, tcp):
    """C06: ten refreshes with the nonce that was given out first, which has grown old: stale=true, and the new one is taken."""
    bob = Device('bob', udp)
    uri, to = 'sip:' + DOMAIN, '<sip:bob@%s>' % DOMAIN
    call = {'id': fresh('s')}
    fields = 'Contact: %s\r\nExpires: 60\r\n' % bob.contact()
    bob.send(bob.request('REGISTER', uri, call, 1, to, fields))
    challenge = bob.receive(401).get('WWW-Authenticate')
    check('stale' not in challenge, 'stale at once')
    stale = 0
    for i in range(10):
        uses = 1 if i else 0  # the count of the refresh before
        while True:  # until the nonce has grown old, which is a matter of a second here
            uses += 1
            line = bob.credentials(challenge, 'REGISTER', uri, nc='%08x' % uses)
            bob.send(bob.request('REGISTER', uri, call, 2 + i * 100000 + uses, to, fields + line))
            answer = bob.receive(200, 401)
            if answer.status == 401:
                break
        challenge = answer.get('WWW-Authenticate')
        check('stale=true' in challenge, 'not stale:', challenge)
        stale += 1
        line = bob.credentials(challenge, 'REGISTER', uri)
        bob.send(bob.request('REGISTER', uri, call, 2 + i * 100000 + 99999, to, fields + line))
        check(bob.receive(200, 401).status == 200, 'the refresh was refused')
    check(stale == 10, stale)


# -- proxy -----------------------------------------------------------------------------------------------------------------------


def forks(udp, tcp):
    alice = Device('alice', udp)
    phones = [Device('bob', udp) for _ in range(5)]
    for p in phones:
        p.register()
    # C04: one answers: the others are cancelled, each 487 is acknowledged
    call = alice.invite('bob')
    invites = [p.receive('INVITE') for p in phones]
    check(len(set(i.branch() for i in invites)) == 5, 'branches are not unique')
    for p, i in zip(phones, invites):
        p.answer(i, 180)
    phones[2].answer(invites[2], 200, body=SDP)
    answer = alice.receive(200)
    for n in (0, 1, 3, 4):
        cancel = phones[n].receive('CANCEL')
        check(cancel.branch() == invites[n].branch(), 'the branch of the CANCEL')
        phones[n].answer(cancel, 200)
        phones[n].answer(invites[n], 487)
        ack = phones[n].receive('ACK')
        check(ack.branch() == invites[n].branch() and phones[n].tag in ack.get('To'), 'the ACK')
    alice.within('ACK', call, answer, 2)
    phones[2].receive('ACK')
    phones[0].answer(invites[0], 487)  # as if the ACK had been lost
    phones[0].receive('ACK')
    hang_up(alice, phones[2], call, answer)
    for p in phones:
        p.quiet()
    # C05: two answer at the same time: the caller gets both, and ends one
    call = alice.invite('bob')
    invites = [p.receive('INVITE') for p in phones]
    phones[0].answer(invites[0], 200, body=SDP)
    phones[1].answer(invites[1], 200, body=SDP)
    answers = [alice.receive(200), alice.receive(200)]
    check(len(set(a.get('To') for a in answers)) == 2, 'the same answer twice')
    for a in answers:
        alice.within('ACK', call, a, 2)
    phones[0].receive('ACK')
    phones[1].receive('ACK')
    order = {a.get('To').split('tag=')[1]: a for a in answers}
    hang_up(alice, phones[0], call, order[phones[0].tag])
    for n in (2, 3, 4):  # they had not rung: the CANCEL waits for a provisional answer (RFC 3261 s9.1)
        phones[n].answer(invites[n], 180)
        phones[n].answer(phones[n].receive('CANCEL'), 200)
        phones[n].answer(invites[n], 487)
        phones[n].receive('ACK')
    # the best answer: 6xx at once and for all, else what helps the caller most
    for statuses, best in (((486, 404, 408, 503, 401), 401), ((486, 480, 503, 480, 480), 486), ((180, 180, 603, 180, 180), 603),
                           ((503, 503, 503, 503, 503), 500)):
        call = alice.invite('bob')
        invites = [p.receive('INVITE') for p in phones]
        for p, i, s in zip(phones, invites, statuses):
            p.answer(i, s)
        for p, i, s in zip(phones, invites, statuses):
            if s == 180:
                p.answer(p.receive('CANCEL'), 200)
                p.answer(i, 487)
            p.receive('ACK')
        final = alice.receive(401, 404, 408, 480, 486, 487, 500, 503, 603)
        check(final.status == best, statuses, final.start)
        alice.acknowledge_failure(final, call, 2)
    # a device that has one branch cannot answer for the next one
    call = alice.invite('bob')
    invites = [p.receive('INVITE') for p in phones]
    for guess in (int(invites[0].branch()[-1], 16) + by for by in (1, -1)):
        forged = invites[0].text.replace(invites[0].branch(), invites[0].branch()[:-1] + '%x' % (guess % 16))
        phones[0].answer(Message(forged), 200, tag='forged', body=SDP)
    phones[1].answer(invites[1], 200, body=SDP)
    answer = alice.receive(200)
    check(phones[1].tag in answer.get('To'), 'the answer of another one:', answer.get('To'))
    alice.within('ACK', call, answer, 2)
    phones[1].receive('ACK')
    hang_up(alice, phones[1], call, answer)
    for n in (0, 2, 3, 4):
        phones[n].answer(invites[n], 180)
        phones[n].answer(phones[n].receive('CANCEL'), 200)
        phones[n].answer(invites[n], 487)
        phones[n].receive('ACK')
    # a caller who is asked for credentials is told of all who ask
    call = alice.invite('bob')
    for n, p in enumerate(phones):
        p.answer(p.receive('INVITE'), 401 if n % 2 else 486, lines='WWW-Authenticate: Digest realm="r%d", nonce="n"\r\n' % n if n % 2 else '')
        p.receive('ACK')
    final = alice.receive(401, 486)
    check(sorted(c.split('"')[1] for c in final.all('WWW-Authenticate')) == ['r1', 'r3'], final.text)
    alice.acknowledge_failure(final, call, 2)
    # CANCEL of the caller
    call = alice.invite('bob')
    invites = [p.receive('INVITE') for p in phones]
    for p, i in zip(phones, invites):
        p.answer(i, 180)
    alice.receive(180)
    alice.send(alice.request('CANCEL', call['uri'], call, 2, branch=call['branch']))
    check(alice.receive(200, 481).status == 200, 'CANCEL')
    for p, i in zip(phones, invites):
        p.answer(p.receive('CANCEL'), 200)
        p.answer(i, 487)
        p.receive('ACK')
    alice.acknowledge_failure(alice.receive(487), call, 2)
    alice.send(alice.request('CANCEL', call['uri'], call, 9))
    check(alice.receive(200, 481).status == 481, 'CANCEL of nothing')
    # a 200 that crosses the CANCEL reaches the caller, who ends the call
    call = alice.invite('bob')
    invites = [p.receive('INVITE') for p in phones]
    for p, i in zip(phones, invites):
        p.answer(i, 180)
    alice.send(alice.request('CANCEL', call['uri'], call, 2, branch=call['branch']))
    for p in phones:
        p.answer(p.receive('CANCEL'), 200)
    phones[0].answer(invites[0], 200, body=SDP)
    for p, i in zip(phones[1:], invites[1:]):
        p.answer(i, 487)
        p.receive('ACK')
    phones[0].register(contact='*', expires=0)


def dialogs(udp, tcp):
    alice, bob = Device('alice', udp), Device('bob', tcp, tcp=True)
    # C08: the Contact of a TCP phone leads nowhere: it is reached by its own connection
    bob.register(contact='<sip:bob@127.0.0.1:9;transport=tcp>')
    call, answer, invite = established(alice, bob)
    check(len(invite.all('Record-Route')) == 2, 'C10: the transport changes', invite.text)
    # the same methods in both directions, and one that nobody knows
    for n, method in enumerate(('INFO', 'UPDATE', 'REFER', 'MESSAGE', 'NOTIFY', 'SUBSCRIBE', 'XYZZY', 'PRACK')):
        alice.within(method, call, answer, 10 + n)
        asked = bob.receive(method)
        check(not asked.all('Route'), 'our Route went on')
        bob.answer(asked, 202)
        check(alice.receive(202, 481, 403).status == 202, method)
        bob.within_callee(method, invite, bob.tag, 10 + n)
        alice.answer(alice.receive(method), 202)
        check(bob.receive(202, 481, 403).status == 202, method, 'of the callee')
    # C11: the Request-URI is the adapter, the Route as well
    alice.within('INVITE', call, answer, 30, uri='sip:' + udp, body=SDP)
    hold = bob.receive('INVITE')
    check('127.0.0.1:%d' % bob.port in hold.uri or ':9' in hold.uri, 'C11:', hold.uri)
    bob.answer(hold, 200, body=SDP)
    again = alice.receive(200, 482, 481)
    check(again.status == 200, 'C11:', again.start)
    alice.within('ACK', call, answer, 30)
    bob.receive('ACK')
    # a dialog that is not there, and a stranger in one that is
    alice.within('INFO', {'id': 'none'}, answer, 40)
    check(alice.receive(481, 202).status == 481, 'no dialog')
    mallory = Device('alice', tcp, tcp=True)
    mallory.tag = alice.tag
    mallory.within('BYE', call, answer, 50)
    check(mallory.receive(200, 407, 481).status == 407, 'a stranger within a dialog')
    mallory = Device('bob', udp)
    mallory.within_callee('BYE', invite, bob.tag, 51)
    check(mallory.receive(200, 407, 481).status == 407, 'a stranger in the place of the callee')
    hang_up(alice, bob, call, answer)
    alice.within('INFO', call, answer, 60)
    check(alice.receive(481, 202).status == 481, 'the dialog is over')
    # C08: its connection has ended
    bob.socket.close()
    begun = time.monotonic()
    call = alice.invite('bob')
    final = alice.receive(480, 200, 503, 408)
    check(final.status == 480 and time.monotonic() - begun < 1, 'C08:', final.start)
    alice.acknowledge_failure(final, call, 2)
    # reliable provisional answers and early dialogs (RFC 3262)
    bob = Device('bob', udp)
    bob.register()
    call = alice.ask('INVITE', 'bob', lines='Supported: 100rel\r\n', body=SDP)
    invite = bob.receive('INVITE')
    bob.answer(invite, 183, lines='Require: 100rel\r\nRSeq: 1\r\n', body=SDP)
    early = alice.receive(183)
    check(early.get('RSeq') == '1' and early.body == SDP, 'the 183')
    alice.within('PRACK', call, early, 3, lines='RAck: 1 2 INVITE\r\n')
    bob.answer(bob.receive('PRACK'), 200)
    check(alice.receive(200, 481).status == 200, 'PRACK')
    bob.answer(invite, 486)
    bob.receive('ACK')
    alice.acknowledge_failure(alice.receive(486), call, 2)
    bob.register(contact='*', expires=0)


def limits(udp, tcp):
    alice, bob = Device('alice', udp), Device('bob', tcp, tcp=True)
    bob.register()
    # C20: nothing goes on for ever
    call = alice.ask('INVITE', 'bob', body=SDP, forwards=0)
    check(call['answer'].status == 483, call['answer'].start)
    alice.acknowledge_failure(call['answer'], call, 1)
    for lines, wanted in (('Proxy-Require: magic\r\n', 420),):
        check(alice.ask('OPTIONS', 'bob', lines=lines)['answer'].status == wanted, lines)
    check(alice.ask('OPTIONS', 'mailto:bob@calls.example')['answer'].status == 416, 'another scheme')
    # nothing is kept of who is not known, and nothing repeated: the address may be forged (RFC 3261 s26.3.2.4)
    stranger = Device('alice', udp)
    ask = stranger.request('INVITE', 'sip:bob@' + DOMAIN, {'id': fresh('s')}, 1, body=SDP)
    asked = []
    for _ in range(2):
        stranger.send(ask)
        asked.append(stranger.receive(407).all('Proxy-Authenticate'))
    check(asked[0] != asked[1], 'a challenge is kept:', asked)
    # a call whose Call-ID is no text would be in no event
    for call_id, wanted in (('b\xe4d', 400), ('g{}<"\\>', 407)):
        stranger.socket.send(stranger.request('INVITE', 'sip:bob@' + DOMAIN, {'id': call_id}, 1).encode('latin1'))
        check(stranger.receive(400, 407).status == wanted, call_id)
    # a From that is not the own AOR
    forged = alice.ask('MESSAGE', 'bob', call={'from': 'carol'})
    check(forged['answer'].status == 403, 'forged:', forged['answer'].start)
    # the adapter itself
    check(alice.ask('OPTIONS', 'sip:' + udp)['answer'].status == 200, 'OPTIONS of the adapter')
    # what nobody knows goes through all the same
    alice.ask('XYZZY', 'bob')
    asked = bob.receive('XYZZY')
    check(asked.get('Max-Forwards') == '69' and not asked.all('Proxy-Authorization'), asked.text)
    bob.answer(asked, 299)
    check(alice.receive(299, 501).status == 299, 'XYZZY')
    # C26: SIP that is larger than a datagram is delivered whole, or refused with 513
    for size in (4000, 9000, 60000):
        body = SDP + 'a=' + 'x' * (size - len(SDP) - 4) + '\r\n'
        call = alice.ask('INVITE', 'bob', body=body)
        invite = bob.receive('INVITE')
        check(invite.body == body, 'C26:', size, len(invite.body))
        bob.answer(invite, 486)
        bob.receive('ACK')
        alice.acknowledge_failure(alice.receive(486), call, 2)
    phone = Device('bob', udp)
    bob.register(contact='*', expires=0)
    phone.register()
    caller = Device('alice', tcp, tcp=True)
    for size in (4000, 9000, 60000, 64900):
        body = SDP + 'a=' + 'x' * (size - len(SDP) - 4) + '\r\n'
        call = caller.ask('INVITE', 'bob', body=body)
        if size < 64000:
            invite = phone.receive('INVITE')
            check(invite.body == body, 'C26:', size, len(invite.body))
            phone.answer(invite, 486)
            phone.receive('ACK')
        final = caller.receive(486, 513)
        check(final.status == (486 if size < 64000 else 513), 'C26:', size, final.start)
        caller.acknowledge_failure(final, call, 2)
    # C24: the connection of the caller ends before the answer, which comes to the port in its Via
    server = socket.create_server(('127.0.0.1', 0))
    caller = Device('alice', tcp, tcp=True)
    call = caller.ask('INVITE', 'bob', body=SDP, via='127.0.0.1:%d' % server.getsockname()[1])
    invite = phone.receive('INVITE')
    caller.socket.close()
    phone.answer(invite, 200, body=SDP)
    server.settimeout(LIMIT)
    there, _ = server.accept()
    there.settimeout(LIMIT)
    check(there.recv(12) == b'SIP/2.0 200 ', 'C24')
    # a device is gone without a word: ICMP says so, and the caller need not wait for 32 s
    gone = Device('bob', udp)
    gone.register()
    phone.register(contact='*', expires=0)
    gone.register()
    gone.socket.close()
    begun = time.monotonic()
    call = alice.invite('bob')
    final = alice.receive(408, 480, 500, 503)
    check(time.monotonic() - begun < 5, 'a device that is gone:', final.start)
    alice.acknowledge_failure(final, call, 2)


class Audio:
    """Two ports of a device, RTP and RTCP, and its session description."""

    def __init__(self, host='127.0.0.1'):
        while True:
            family = socket.AF_INET6 if ':' in host else socket.AF_INET
            self.rtp = socket.socket(family, socket.SOCK_DGRAM)
            self.rtp.bind((host, 0))
            self.port = self.rtp.getsockname()[1]
            self.rtcp = socket.socket(family, socket.SOCK_DGRAM)
            try:
                self.rtcp.bind((host, self.port + 1))
                break
            except OSError:
                self.rtp.close()
        self.host = host
        for s in (self.rtp, self.rtcp):
            s.settimeout(LIMIT)

    def sdp(self, host=None, more=''):
        family = 'IP6' if ':' in self.host else 'IP4'
        return 'v=0\r\no=- 1 1 IN %s %s\r\ns=-\r\nc=IN %s %s\r\nt=0 0\r\nm=audio %d RTP/AVP 9\r\n%s' % (
            family, self.host, family, host or self.host, self.port, more)


def port_of(message):
    check('m=audio ' in message.body, message.text)
    return int(message.body.split('m=audio ')[1].split()[0])


def relay(udp, tcp):
    """--media relay: audio goes through the adapter, from the signalled address alone (C17), with any codec."""
    alice, bob, stranger = Device('alice', udp), Device('bob', udp), Audio('127.0.0.2')
    bob.register()
    a, b = Audio(), Audio()
    call = alice.ask('INVITE', 'bob', body=a.sdp(more='m=video 4 RTP/AVP 96\r\n'))
    invite = bob.receive('INVITE')
    to_a = ('127.0.0.1', port_of(invite))  # what bob sends to
    check(to_a[1] not in (a.port, b.port) and to_a[1] % 2 == 0 and 'm=video 0 ' in invite.body, invite.body)
    bob.answer(invite, 200, lines='Content-Type: application/sdp\r\n', body=b.sdp())
    answer = alice.receive(200)
    to_b = ('127.0.0.1', port_of(answer))
    alice.within('ACK', call, answer, 2)
    bob.receive('ACK')
    # a stranger is not heard, from the first packet on and later
    for n in range(2):
        stranger.rtp.sendto(b'\x80\x09stranger', to_a)
        stranger.rtp.sendto(b'\x80\x09stranger', to_b)
        for (me, to, other) in ((a, to_b, b), (b, to_a, a)):
            me.rtp.sendto(b'\x80\x09rtp%d' % n, to)
            check(other.rtp.recv(99) == b'\x80\x09rtp%d' % n, 'RTP')
            me.rtcp.sendto(b'\x80\xc8rtcp%d' % n, (to[0], to[1] + 1))
            check(other.rtcp.recv(99) == b'\x80\xc8rtcp%d' % n, 'RTCP')
    # hold by the old way stays hold, and another description moves the stream
    alice.within('INVITE', call, answer, 5, body=a.sdp(host='0.0.0.0'))
    hold = bob.receive('INVITE')
    check('c=IN IP4 0.0.0.0' in hold.body and port_of(hold) == to_a[1], hold.body)
    moved = Audio()
    bob.answer(hold, 200, lines='Content-Type: application/sdp\r\n', body=moved.sdp())
    alice.within('ACK', call, alice.receive(200), 5)
    bob.receive('ACK')
    a.rtp.sendto(b'\x80\x09moved', to_b)
    check(moved.rtp.recv(99) == b'\x80\x09moved', 'the new address')
    hang_up(alice, bob, call, answer)
    # a description with a host name, which nobody looks up, and one that comes late
    call = alice.ask('INVITE', 'bob', body=a.sdp(host='phone.example'))
    check(alice.receive(488, 180, 200).status == 488, 'a host name')
    call = alice.ask('INVITE', 'bob')
    invite = bob.receive('INVITE')
    bob.answer(invite, 200, lines='Content-Type: application/sdp\r\n', body=b.sdp())
    answer = alice.receive(200)
    alice.within('ACK', call, answer, 2, body=a.sdp())
    ack = bob.receive('ACK')
    b.rtp.sendto(b'\x80\x09late', ('127.0.0.1', port_of(ack)))
    check(a.rtp.recv(99) == b'\x80\x09late', 'the late offer')
    hang_up(alice, bob, call, answer)
    bob.register(contact='*', expires=0)


def loops(udp, tcp):
    """C20: a device that sends what it gets back to where it came from; devices need no password here."""
    bob, alice = Device('bob', udp), Device('alice', udp)
    call = {'id': fresh('l')}
    to = '<sip:bob@%s>' % DOMAIN
    bob.send(bob.request('REGISTER', 'sip:' + DOMAIN, call, 1, to, 'Contact: %s\r\n' % bob.contact()))
    bob.receive(200)
    call = {'id': fresh('l')}
    alice.send(alice.request('INVITE', 'sip:bob@' + DOMAIN, call, 1, body=SDP))
    invite = bob.receive('INVITE')
    back = invite.text.replace(invite.uri, 'sip:bob@' + DOMAIN, 1)
    bob.send(back.replace('Via: ', 'Via: SIP/2.0/UDP 127.0.0.1:%d;branch=z9hG4bKloop;rport\r\nVia: ' % bob.port, 1))
    check(bob.receive(482, 407, 403, 'INVITE').status == 482, 'a loop')
    bob.answer(invite, 486)
    bob.receive('ACK')
    alice.acknowledge_failure(alice.receive(486), call, 1)


def streams(udp, tcp):
    """Framing over TCP: pieces, several in one segment, keepalives in pieces; RFC 5626 s3.5.1."""
    bob, alice = Device('bob', tcp, tcp=True), Device('alice', udp)
    bob.register()
    for piece in ('\r', '\n\r', '\n'):
        bob.send(piece)
    check(bob.waits(LIMIT) and bob.socket.recv(10) == b'\r\n', 'the pong')
    text = bob.request('OPTIONS', 'sip:' + tcp, {'id': 'o1'}, 1)
    for at in range(0, len(text), 7):
        bob.send(text[at:at + 7])
    bob.receive(200)
    body = 'm\r\n\r\n\r\nOPTIONS sip:x SIP/2.0\r\n\r\n'
    one = bob.request('OPTIONS', 'sip:' + tcp, {'id': 'o2'}, 1, body=body)
    bob.send(one + '\r\n\r\n' + bob.request('OPTIONS', 'sip:' + tcp, {'id': 'o3'}, 1) + '\r\n')
    ids = [bob.receive(200).get('Call-ID') for _ in range(2)]
    check(ids == ['o2', 'o3'], ids)
    # what cannot be framed ends the connection, and nothing else
    for bad in ('OPTIONS sip:x SIP/2.0\r\n\r\n', 'OPTIONS sip:x SIP/2.0\r\nContent-Length: 4294967296\r\n\r\n', 'x' * 20000):
        other = Device('alice', tcp, tcp=True)
        try:
            other.send(bad)
            check(other.waits(LIMIT) and not other.socket.recv(10), 'not closed')
        except ConnectionError:
            pass
    call, answer, _ = established(alice, bob)
    hang_up(alice, bob, call, answer)
    bob.register(contact='*', expires=0)


# What the adapter answers to each message of tests/vectors/sip-torture from a device that is asked for its password; "401 407 403": either
# is right, since the message is fine, and its user is not served or has no password.
TORTURE = {
    'intmeth': {501}, 'unreason': {0}, 'noreason': {0}, 'bigcode': {0}, 'scalarlg': {0}, 'bcast': {0}, 'badvers': {505}, 'badbranch': {407},
    'badinv01': {400}, 'scalar02': {400}, 'quotbal': {400}, 'ltgtruri': {400}, 'lwsruri': {400}, 'lwsstart': {400}, 'trws': {400},
    'escruri': {400}, 'baddate': {400}, 'regbadct': {400}, 'badaspec': {400}, 'baddn': {400}, 'mismatch01': {400}, 'mismatch02': {400},
    'insuf': {400}, 'multi01': {400}, 'mcl01': {400}, 'unkscm': {416}, 'novelsc': {416}, 'zeromf': {483, 200}, 'clerr': {0, 400}, 'ncl': {0, 400},
}
FINE = {401, 403, 404, 407, 200, 420, 501, 405}


def torture(udp, tcp):
    """Each torture message over UDP and TCP: the adapter answers as is right, and goes on."""
    import os
    here = os.path.join(os.path.dirname(os.path.abspath(__file__)), '../vectors/sip-torture')
    wrong = []
    for name in sorted(f[:-4] for f in os.listdir(here) if f.endswith('.sip')):
        with open(os.path.join(here, name + '.sip'), 'rb') as f:
            message = f.read()
        for at, stream in ((udp, False), (tcp, True)):
            device = Device('alice', at, tcp=stream)
            seen = 0
            probe = device.request('OPTIONS', 'sip:' + at, {'id': 'probe'}, 1)
            try:
                if stream:  # a request of its own, and none that came by another way once more
                    message = message.replace(b'z9hG4bK', b'z9hG4bKt').replace(b'torture', b'torturt')
                device.socket.sendall(message)
                if stream and name == 'clerr':  # it says that more is to come
                    device.socket.shutdown(socket.SHUT_WR)
                device.send(probe)
                while True:
                    answer = device.receive()
                    if answer.get('Call-ID') == 'probe':
                        break
                    seen = seen or answer.status
            except (SystemExit, ConnectionError):
                if not stream:
                    raise
            if seen not in TORTURE.get(name, FINE):
                wrong.append('%s %s: %d' % (name, 'TCP' if stream else 'UDP', seen))
    check(not wrong, '; '.join(wrong))


def users(udp, tcp):
    """A user is taken out of the file: the connection on which the password was right counts no more, those of others do."""
    alice, bob = Device('alice', tcp, tcp=True), Device('bob', tcp, tcp=True)
    alice.register()
    bob.register()
    with open('users') as file:
        lines = file.readlines()
    with open('users', 'w') as file:
        file.writelines(line for line in lines if not line.startswith('alice@'))
    with open('adapter.pid') as file:
        os.kill(int(file.read()), signal.SIGHUP)
    try:
        check(False, 'alice is believed still:', alice.receive().text)
    except ConnectionError:
        pass
    check(Device('alice', tcp, tcp=True).register()[0].status == 401, 'who is not in the file registers')
    bob.register(contact='*', expires=0)
    with open('users', 'w') as file:
        file.writelines(lines)


def flood(udp, tcp):
    """INVITEs without an ACK, dialogs that nobody ends, datagrams of rubbish: what is right is served all the same."""
    alice, bob = Device('alice', udp), Device('bob', udp)
    bob.register()
    for n in range(300):
        alice.send(alice.request('INVITE', 'sip:bob@' + DOMAIN, {'id': fresh('f')}, 1, body=SDP))
        alice.send('\r\n\r\n' if n % 2 else 'SIP/2.0 200 OK\r\n\r\n')
        alice.socket.send(bytes((n * 7 + k) % 256 for k in range(n)))
    caller = Device('alice', tcp, tcp=True)
    call, answer, _ = established(caller, bob)
    for _ in range(50):
        established(caller, bob)
    hang_up(caller, bob, call, answer)
    bob.register(contact='*', expires=0)


if __name__ == '__main__':
    globals()[sys.argv[1]](sys.argv[2], sys.argv[3])
