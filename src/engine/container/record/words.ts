/** The words of made-up container names: a mood and a person who built, cooked or measured something. */
function words(text: string): readonly string[] {
  return text.trim().split(/\s+/);
}

export const adjectives = words(`
  able airy amber ample apt avid balmy blithe bold brave breezy bright brisk calm candid cheery chief
  civil clear clever cosy crisp curious dapper deft eager early earnest easy fair famous fancy fearless
  festive fleet fond frank fresh friendly gallant gentle gifted glad golden graceful grand handy happy
  hardy hearty honest humble jaunty jolly keen kind lively loyal lucid lucky mellow merry mild modest neat
  nimble noble patient peaceful plucky polite prompt proud quick quiet ready robust rosy sage savoury
  serene sharp silent sincere smart snug sober spry stately steady sunny swift tidy trim trusty upbeat
  vivid warm wise witty zesty
`);

export const surnames = words(`
  abbe agnesi ampere anning apgar appert arkwright ayrton babbage banting bassi beeton bell bessel bose
  boyle brunel burbank cannon careme cayley chatelet child cooper curie daguerre darby davy diesel dirac
  eads edgerton eiffel erlang escoffier euler faraday fermi fleming foucault franklin fuller galois
  galvani gauss germain goddard gould haber hadfield halley hamilton harrison henry herschel hertz hilbert
  hodgkin hollerith hooke hopper huygens jacquard jemison joule kelvin kepler kirchhoff kovalevsky lamarr
  langmuir laplace lavoisier leavitt leibniz linnaeus lovelace marconi maxwell meitner mendel mitchell
  morse napier newcomen nobel noether ohm papin pascal pasteur perkin planck poisson raman ramanujan
  rittenhouse roebling savery shannon siemens smeaton somerville stevin swan telford tesla torricelli
  trevithick turing volta watt whitney wren wright yalow zeiss zuse
`);
