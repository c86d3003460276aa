"""The names of the twelve months, as newsrooms write them: small letters without accents."""

import unicodedata

# From Unicode's common locale data: whole and short names, in both cases where a language has two,
# of some thirty languages. Croatian is left out, whose "listopad" is October where the Czech and
# the Polish one is November.
_NAMES = (
    "ene enero gen gener gennaio ian ianuarie jaan jaanuar jan janeiro janner januar januara"
    " januari january janv janvaris janvier led leden ledna oca ocak saus sausio sausis"
    " sty styczen stycznia tammi tammikuu tammikuuta ιαν ιανουαριος ιανουαριου січ січень"
    " січня янв январь января яну януари јан јануар ינו ינואר يناير",
    "feb febbraio feber febr febrer febrero februar februara februari februarie februaris"
    " february fev fevereiro fevr fevrier helmi helmikuu helmikuuta lut lutego luty sub"
    " subat uno unor unora vas vasario vasaris veebr veebruar φεβ φεβρουαριος φεβρουαριου"
    " лют лютии лютого феб фебруар фев февр февраль февраля февруари פבר פברואר فبراير",
    "bre brezen brezna kov kovas kovo maalis maaliskuu maaliskuuta maart mar marc marca"
    " march marcius marco marec maret mars mart martie marts marz marzec marzo mrt μαρ"
    " μαρτιος μαρτιου бер березень березня мар март марта מרץ مارس",
    "abr abril apr april aprila aprile aprilie aprilis aprill avr avril bal balandis"
    " balandzio dub duben dubna huhti huhtikuu huhtikuuta kwi kwiecien kwietnia nis nisan"
    " απρ απριλιος απριλιου апр апрель апреля април квіт квітень квітня אפר אפריל ابريل",
    "geg geguze geguzes kve kveten kvetna mag maggio mai maig maijs maio maj maja majus"
    " may mayo mayis mei touko toukokuu toukokuuta μαι μαιος μαιου маи мая мај трав"
    " травень травня מאי مايو",
    "birz birzelio birzelis cerven cervna cvn cze czerwca czerwiec giu giugno haz haziran"
    " iun iunie juin jun juna june junho juni junij junijs junio junius juny juuni kesa"
    " kesakuu kesakuuta ιουν ιουνιος ιουνιου июн июнь июня черв червень червня юни јун"
    " יוני يونيو",
    "cervence cervenec cvc heina heinakuu heinakuuta iul iulie juil juillet jul jula julho"
    " juli julij julijs julio juliol julius july juuli liep liepa liepos lip lipca lipiec"
    " lug luglio tem temmuz ιουλ ιουλιος ιουλιου июл июль июля лип липень липня юли јул"
    " יולי يوليو",
    "ag ago agost agt agosto agu agust agustos agustus aout aug august augusta augusti augusts"
    " augustus augusztus avg avgust elo elokuu elokuuta rugp rugpjucio rugpjutis sie"
    " sierpien sierpnia srp srpen srpna αυγ αυγουστος αυγουστου авг август августа серп"
    " серпень серпня אוג אוגוסט اغسطس",
    "eyl eylul rugs rugsejis rugsejo sep sept septembar september septembra septembre"
    " septembrie septembris septiembre set setembre setembro settembre syys syyskuu"
    " syyskuuta szept szeptember wrz wrzesien wrzesnia zar zari σεπ σεπτεμβριος"
    " σεπτεμβριου вер вересень вересня сен сент сентябрь сентября сеп септембар септември ספט"
    " ספטמבר سبتمبر",
    "eki ekim loka lokakuu lokakuuta oct october octobre octombrie octubre okt oktobar"
    " oktober oktobra oktobris oktoober ott ottobre out outubro paz pazdziernik"
    " pazdziernika rij rijen rijna spal spalio spalis οκτ οκτωβριος οκτωβριου жовт жовтень"
    " жовтня окт октобар октомври октябрь октября אוק אוקטובר اكتوبر",
    "kas kasim lapkr lapkricio lapkritis lis listopad listopada listopadu marras marraskuu"
    " marraskuuta noiembrie nov novembar november novembra novembre novembris novembro"
    " noviembre νοε νοεμβριος νοεμβριου лист листопад листопада нов новембар ное ноември ноя"
    " нояб ноябрь ноября נוב נובמבר نوفمبر",
    "ara aralik dec decembar december decembra decembre decembrie decembris des desember"
    " desembre dets detsember dez dezember dezembro dic dicembre diciembre gru grudnia"
    " grudzien gruod gruodis gruodzio joulu joulukuu joulukuuta pro prosince prosinec δεκ"
    " δεκεμβριος δεκεμβριου груд грудень грудня дек декабрь декабря декември дец децембар"
    " דצמ דצמבר ديسمبر",
)
_MONTHS = {name: month for month, names in enumerate(_NAMES, 1) for name in names.split()}


def month_number(name: str) -> int:
    """1 to 12 for the name of a month, in any case and with or without its accents; else 0."""
    return _MONTHS.get(_plain(name), 0)


def _plain(name: str) -> str:
    spelt = unicodedata.normalize("NFKD", name.lower().replace("ı", "i"))
    return "".join(sign for sign in spelt if not unicodedata.combining(sign)).strip(".'’׳")
