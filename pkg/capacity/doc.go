// Package capacity decides how many bridges a group needs, which of them serve, which drain as a reserve and which are
// ended, and how many recorders the pool needs and which to retire.
//
// It is pure: it is given the time, what was observed and the policy, and returns a decision with its
// reasons. It knows no AWS, no network and no clock.
//
// # The law of the bridges
//
// A bridge's room is max(0, Target - stress). A hot bridge is full; it is not more demand, since a single
// large room stays hot however many bridges are added. The bridges that serve must have room for what comes within
// Reaction, until the next run, and for a quarter of a bridge. Those that they can do without drain at once, where the
// others have room for all that drains and for the highest demand of the last Reaction: outdated ones first, then those with
// the fewest conferences, since they are empty the soonest. To drain costs nothing and is undone within seconds; it packs
// conferences onto few bridges, so that the others become empty.
//
// What drains is the reserve, and what has booted joins it. Those with the most conferences are taken back first when those
// that serve lack room, or are fewer than the minimum. Room and reserve together, and what boots at Target each, must hold the growth
// expected within one boot time plus Spare bridges' worth. What they lack is launched, all of it at once. With survivors,
// the share of the largest other shard's load that would come here if it were lost is needed too, of both.
//
// An empty draining bridge ends only when it is released, with proof: every bridge answered with fresh figures, nothing
// is broken, and without it and without what boots the others hold the growth, the peak of the last ShrinkAfter, what
// retiring bridges carry and hot ones above Target, Spare and Slack. Bridges of an older launch template go one at a time: a
// current one of the reserve takes the place of one that serves; where the reserve has none, one is launched.
//
// # Worked example of the bridges
//
// Target 0.6, Spare 1, Slack 0.25. 500 participants at 0.01 stress each are a demand of 5.0. Nine bridges have
// 9*0.6 - 5.0 = 0.4 of room and 0.6 is needed within a boot time: a tenth is launched. It joins the reserve, since 0.4 is
// more than the 0.25*0.6 = 0.15 that those that serve need, and is not released, since 0.4 is less than 1.25*0.6 = 0.75.
// 40 more people come: 0.0 of room is left, and within seconds the tenth is taken back. If all ten served, one would drain:
// the nine others have 0.9 of room for 0.15 and the 0.5 that it carries.
//
// # The forecast of the bridges
//
// Meetings begin on the hour, and what waits for load is late each hour: people who joined a hot bridge stay on it.
// A Profile knows the demand of each minute of four weeks. A Forecast looks one Lead ahead, which is a boot time and what
// it takes to begin one, and asks the same minute of past days of the same kind, working days or weekends, the same
// weekday twice: from which demand to which highest one did it go? Each day is scaled by how much today's
// last two hours are of that day's, so that on a holiday next to nothing is expected, and on a fleet that grows, more. That
// today is smaller counts only as far as it is not the luck of a few large meetings. On a first day the last three hours
// are asked instead, and with no history nothing is forecast.
//
// Some people stay over the hour and some leave before it. The forecast is a share of the present demand, of 1, 3/4, 1/2,
// 1/4 and 0 the one that would have erred least on those days, plus the mean of what came on top. The margin is
// what a normal distribution asks for at the service level. Its variance is that of the past days and, counting as
// eight more days, the larger one of two that more is known of, since few days say little about how much days differ: what
// meetings of the fleet's usual size would make of that rise, and what this minute of all hours made of its demand. The
// second is for when as many leave as come, which is a small rise of many meetings.
//
// A forecast may only add: its growth counts where it is more than what the last boot time brought.
//
// # Worked example of the forecast
//
// At 8:55 the demand is 4.0, as on the four working days before, on which it rose to 7.0, 7.4, 6.6 and 7.0
// at nine. The mean rise is 3.0 and its deviation 0.34, for which a service level of 0.995 asks 2.58 times: 0.88. With target
// 0.78 the growth of 3.88 is five bridges, in service before nine. On a holiday with a tenth of the demand, 0.62 is expected.
//
// # The law of the recorders
//
// One recorder carries one recording, and whoever presses the button while none is free gets none, so what counts is
// how many are free before anybody asks. Wanted are the busy ones, Free more, and the starts expected within one boot
// time that Free would not cover with one still free after them: as many as came in the last one, since what is launched
// now must be ready when as many come again. Whoever finds nobody free begins nothing and is not counted; so while
// nobody is free, all that came is expected again but one. A single start is no rush. What boots is free to be, so each
// start is answered by one launch; what is missing is launched all at once. Recorders that are neither free nor busy are
// no capacity, and silent ones are presumed busy. When many are so at once, the observer is presumed wrong: the unfit
// are then taken to be free soon, and where silence is too much, nothing is launched beyond the minimum.
//
// A free recorder is retired only with proof: every recorder answered, nothing boots, and without it there would have
// been enough over the whole of RetireAfter. Those of an older launch template go first, then the longest idle. An
// outdated one that would stay is replaced before it is retired, one at a time.
//
// # Worked example of the recorders
//
// Free 3. Five record and three are free. Two recordings start: 7 busy and 3 free are needed, 10, and there are 8: two
// are launched. When they are free and five others have ended, 2 are busy and 8 free, and for RetireAfter nobody is
// retired. Six start within one boot time; if six came again, 3 free would miss four to leave one free: 8 busy, 3 free
// and 4 expected are needed, 15, and there are 10: five are launched. No more come, and the expected are needed no
// longer after a boot time; RetireAfter later four are retired.
package capacity
